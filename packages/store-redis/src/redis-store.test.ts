import type { StoreKey } from '@beamclaw/core'
import { storeContract } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { keyNames } from './key-names.ts'
import { RedisStore } from './redis-store.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`over a real server${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let stores = 0
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  const makeStore = () => {
    const prefix = `store${++stores}`
    const made = [new RedisStore({ url: server.url, prefix })]
    return {
      store: made[0] as RedisStore,
      async reopen() {
        const store = new RedisStore({ url: server.url, prefix })
        made.push(store)
        return store
      },
      async damageBlob(owner: StoreKey, id: string) {
        await server.send('SETRANGE', keyNames(prefix, owner).blobPiece(id, 0), '7', '\u0000')
        await server.send('SETRANGE', keyNames(prefix, owner).blobPiece(id, 0), '8', '\u0001')
      },
      async dispose() {
        for (const store of made) await store.stop()
        await server.send('FLUSHALL')
      },
    }
  }

  storeContract('RedisStore', makeStore, { describe, it, deadlineMs: 25_000 })
})
