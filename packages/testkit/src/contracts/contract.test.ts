import { describe, expect, test } from 'vitest'
import { type ContractTests, declareContract, type TestRunner } from './contract.ts'

/** A runner that keeps what is declared. */
function collecting(): TestRunner & {
  readonly tests: Map<string, () => Promise<void>>
  readonly skipped: string[]
  readonly titles: string[]
} {
  const tests = new Map<string, () => Promise<void>>()
  const skipped: string[] = []
  const titles: string[] = []
  const it = Object.assign((name: string, run: () => Promise<void>): void => void tests.set(name, run), {
    skip: (name: string): void => void skipped.push(name),
  })
  const describing = (name: string, declare: () => void): void => {
    titles.push(name)
    declare()
  }
  return { describe: describing, it, tests, skipped, titles }
}

function declare(sections: Record<string, ContractTests<string[]>>, options: object, dispose = async (): Promise<void> => {}): void {
  declareContract({
    suite: 'oddContract',
    title: 'Ada keeps it',
    sections,
    make: () => [],
    adapters: [],
    dispose,
    options: options as TestRunner,
  })
}

describe('a contract', () => {
  test('runs each test over a subject of its own, and cleans up after it, also when it fails', async () => {
    const runner = collecting()
    let disposed = 0
    const grows = async (subject: string[]): Promise<void> => {
      if (subject.push('x') > 1) throw new Error('shared')
    }
    const fails = async (): Promise<void> => {
      throw new Error('not kept')
    }
    declare({ odd: { grows, 'grows again': grows, fails } }, runner, async () => void disposed++)
    await runner.tests.get('grows')?.()
    await runner.tests.get('grows again')?.()
    await expect(runner.tests.get('fails')?.()).rejects.toThrow('not kept')
    expect(disposed).toBe(3)
  })

  test('ends a test that waits for ever with the promise in the message', async () => {
    const runner = collecting()
    declare({ odd: { 'every call settles': () => new Promise(() => {}) } }, { ...runner, deadlineMs: 5 })
    await expect(runner.tests.get('every call settles')?.()).rejects.toThrow('every call settles')
  })

  test('names the calls under way in it, of handles, too', async () => {
    const runner = collecting()
    const never = (): Promise<never> => new Promise(() => {})
    const stream = { next: never, [Symbol.asyncIterator]: () => stream }
    const store = { openLog: async () => ({ read: never }), get: async () => 1, watch: () => stream }
    const hangs = async (subject: { readonly store: typeof store }): Promise<void> => {
      await subject.store.get()
      void subject.store.watch()[Symbol.asyncIterator]().next()
      await (await subject.store.openLog()).read()
    }
    const contract = { suite: 'oddContract', title: 'Ada', sections: { odd: { hangs } }, make: () => ({ store }), dispose: async () => {} }
    declareContract({ ...contract, adapters: ['store'], options: { ...runner, deadlineMs: 5 } })
    await expect(runner.tests.get('hangs')?.()).rejects.toThrow('hangs; still under way: store.watch().next, log.read')
  })

  test('skips a section only with the reason in words, which is shown', () => {
    const runner = collecting()
    const sections = { odd: { one: async () => {} }, even: { two: async () => {} } }
    declare(sections, { ...runner, skip: { even: 'it counts by ones only' } })
    expect([[...runner.tests.keys()], runner.skipped]).toEqual([['one'], ['two']])
    expect(runner.titles).toEqual(['Ada keeps it', 'odd', 'even: it counts by ones only'])
    expect(() => declare(sections, { ...collecting(), skip: { even: 'no' } })).toThrow('must be written out')
  })

  test('says what to hand over when there is no runner', () => {
    expect(() => declare({ odd: {} }, {})).toThrow("import { describe, it } from 'vitest'")
  })
})
