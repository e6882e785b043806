import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
