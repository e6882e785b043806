import { MemoryStore } from '@beamclaw/core'
import { describe, it } from 'vitest'
import { storeContract } from './store-contract.ts'
import { blobMistakes } from './testing/blob-mistakes.ts'
import { documentMistakes } from './testing/document-mistakes.ts'
import { indexMistakes } from './testing/index-mistakes.ts'
import { keyMistakes } from './testing/key-mistakes.ts'
import { lifeMistakes } from './testing/life-mistakes.ts'
import { logMistakes } from './testing/log-mistakes.ts'
import { mistakenStore, type StoreMistake } from './testing/mistaken-store.ts'
import { ownerMistakes } from './testing/owner-mistakes.ts'
import { pageMistakes } from './testing/page-mistakes.ts'
import { expectCaught } from './testing/planted-mistakes.ts'

storeContract('MemoryStore', () => ({ store: new MemoryStore() }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { reopen: 'its data ends with the instance, by definition' },
})

const mistakes: Readonly<Record<string, StoreMistake>> = {
  ...documentMistakes,
  ...keyMistakes,
  ...logMistakes,
  ...ownerMistakes,
  ...lifeMistakes,
  ...pageMistakes,
  ...blobMistakes,
  ...indexMistakes,
}

describe('the Store contract', () => {
  expectCaught(Object.fromEntries(Object.entries(mistakes).map(([flaw, { caughtBy }]) => [flaw, caughtBy])), (flaw, options) =>
    storeContract('A store', () => mistakenStore(flaw === undefined ? undefined : mistakes[flaw]), options),
  )
})
