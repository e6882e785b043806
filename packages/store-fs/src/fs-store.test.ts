import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { storeContract } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { FsStore } from './fs-store.ts'

const makeStore = async () => {
  const path = await mkdtemp(join(tmpdir(), 'beamclaw-store-'))
  const stores = [new FsStore({ path })]
  const reopen = async () => {
    const store = new FsStore({ path })
    stores.push(store)
    return store
  }
  return {
    store: stores[0] as FsStore,
    reopen,
    async damageBlob(owner: StoreKey, id: string) {
      const file = join(path, `${join(...owner)}.blobs`, id)
      const bytes = await readFile(file)
      bytes[0] = (bytes[0] ?? 0) ^ 1
      await writeFile(file, bytes)
    },
    async dispose() {
      for (const store of stores) await store.stop()
      await rm(path, { recursive: true, force: true })
    },
  }
}

storeContract('FsStore', makeStore, { describe, it, deadlineMs: 25_000 })
