import { MemoryStore } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { storeContract } from './store-contract.ts'

storeContract('MemoryStore', () => ({ store: new MemoryStore() }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { reopen: 'its data ends with the instance, by definition' },
})
