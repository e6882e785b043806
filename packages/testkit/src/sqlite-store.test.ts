import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { storeContract } from './contracts/store-contract.ts'
import { SqliteStore } from './testing/sqlite-store.ts'

storeContract(
  'SqliteStore, the example of docs/testkit.md,',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'beamclaw-sqlite-'))
    const path = join(folder, 'store.db')
    const stores = [new SqliteStore(path)]
    return {
      store: stores[0] as SqliteStore,
      async damageBlob(owner, id) {
        const database = new DatabaseSync(path)
        const { bytes } = database.prepare('SELECT bytes FROM blobs WHERE owner = ? AND id = ?').get(JSON.stringify(owner), id) as {
          readonly bytes: Uint8Array
        }
        bytes[0] = (bytes[0] ?? 0) ^ 1
        database.prepare('UPDATE blobs SET bytes = ? WHERE owner = ? AND id = ?').run(bytes, JSON.stringify(owner), id)
        database.close()
      },
      async reopen() {
        const store = new SqliteStore(path)
        stores.push(store)
        return store
      },
      async dispose() {
        for (const store of stores) await store.stop()
        await rm(folder, { recursive: true })
      },
    }
  },
  { describe, it, deadlineMs: 25_000 },
)
