import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { defaultTenant } from '../base/ids.ts'
import { MemoryStore } from './memory-store.ts'

// The contract of stores runs over MemoryStore in testkit, which core must not import.
describe('MemoryStore', () => {
  test('refuses options that it does not know', () => {
    for (const options of [{ maxDocumentBytes: 0 }, { maxDocumentBytes: '1' }, { size: 1 }]) {
      expect(() => new MemoryStore(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    }
  })

  test('counts bytes of UTF-8, not characters', async () => {
    const store = new MemoryStore({ maxDocumentBytes: 10 })
    expect(await store.put([defaultTenant, 'a'], 'üüüü')).toBe(1)
    const error: unknown = await store.put([defaultTenant, 'a'], 'üüüüü').catch((reason: unknown) => reason)
    expect(BeamClawError.isInstance(error, 'document-too-large')).toBe(true)
  })

  test('two stores share nothing', async () => {
    const [one, other] = [new MemoryStore(), new MemoryStore()]
    await one.put([defaultTenant, 'a'], 1)
    expect(await other.get([defaultTenant, 'a'])).toBeUndefined()
  })
})
