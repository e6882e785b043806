import { MemoryStore } from '@beamclaw/core'
import { storeContract } from './store-contract.ts'

storeContract('MemoryStore', () => ({ store: new MemoryStore() }), {
  skip: { reopen: 'its data ends with the instance, by definition' },
})
