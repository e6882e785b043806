import { MemoryStore } from '@beamclaw/core'
import { describe, expect, it, test } from 'vitest'
import { storeContract } from './contracts/store-contract.ts'
import { expectRejection, fencingToken, logRecords, seqsOf, storeKey } from './contracts/store-fixtures.ts'
import { faultyStore } from './faulty-store.ts'
import type { StoreCall, StoreFault } from './store-fault.ts'

storeContract('A faulty store without faults', () => ({ store: faultyStore(new MemoryStore(), () => undefined) }), {
  describe,
  it,
  deadlineMs: 25_000,
  skip: { reopen: 'its data ends with the instance, by definition' },
})

storeContract(
  'A faulty store that does every append twice',
  () => ({ store: faultyStore(new MemoryStore(), ({ method }) => (method === 'append' ? { type: 'duplicate' } : undefined)) }),
  { describe, it, deadlineMs: 25_000, skip: { reopen: 'its data ends with the instance, by definition' } },
)

const key = storeKey('sessions', 'ops', 'main')

/** A store whose call of this method, the `nth` of it, goes wrong. */
function failing(method: StoreCall['method'], nth: number, fault: StoreFault) {
  const inner = new MemoryStore()
  const calls: StoreCall[] = []
  let count = 0
  const store = faultyStore(inner, (call) => {
    calls.push(call)
    return call.method === method && ++count === nth ? fault : undefined
  })
  return { inner, store, calls }
}

describe('a faulty store', () => {
  test('fails before: nothing was done, and the handle is broken', async () => {
    const { store } = failing('append', 2, { type: 'fail-before', code: 'store-full' })
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await expectRejection(log.append(logRecords(2)), 'store-full')
    await expectRejection(log.append(logRecords(2)), 'store-full')
    await expectRejection(log.read(), 'store-full')
    const again = await store.openLog(key, fencingToken(2))
    expect(seqsOf((await again.read()).records)).toEqual([1])
  })

  test('fails after: it was done all the same', async () => {
    const { store } = failing('append', 1, { type: 'fail-after' })
    const log = await store.openLog(key, fencingToken())
    await expectRejection(log.append(logRecords(1)), 'store-io')
    const again = await store.openLog(key, fencingToken(2))
    expect(seqsOf((await again.read()).records)).toEqual([1])
  })

  test('hangs, done or not, and holds up what is written after it', async () => {
    for (const isDone of [true, false]) {
      const { store, inner } = failing('append', 1, { type: 'hang', isDone })
      const log = await store.openLog(key, fencingToken())
      let settled = 0
      for (const append of [log.append(logRecords(1)), log.append(logRecords(2))]) void append.finally(() => settled++)
      await new Promise((resolve) => setImmediate(resolve))
      expect(settled).toBe(0)
      const content = await (await inner.openLog(key, fencingToken(2))).read()
      expect(seqsOf(content.records)).toEqual(isDone ? [1] : [])
    }
  })

  test('delays a write and keeps the ones after it in order', async () => {
    const before = Promise.withResolvers<void>()
    const { store } = failing('append', 1, { type: 'delay', before: before.promise })
    const log = await store.openLog(key, fencingToken())
    const written: number[] = []
    const appends = [1, 2, 3].map((seq) => log.append(logRecords(seq)).then(() => written.push(seq)))
    await new Promise((resolve) => setImmediate(resolve))
    expect(written).toEqual([])
    before.resolve()
    await Promise.all(appends)
    expect(written).toEqual([1, 2, 3])
  })

  test('does a call twice and answers once', async () => {
    const { store } = failing('put', 1, { type: 'duplicate' })
    expect(await store.put(key, 'a', { expectedVersion: 0 })).toBe(1)
    expect(await store.get(key)).toEqual({ value: 'a', version: 1 })
    const twice = failing('openLog', 1, { type: 'duplicate' })
    const log = await twice.store.openLog(key, fencingToken())
    await log.append(logRecords(1))
  })

  test('shows the plan each call with its number, its key and its records', async () => {
    const { store, calls } = failing('get', 99, { type: 'hang' })
    await store.get(key)
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await log.close()
    expect(calls).toEqual([
      { index: 0, method: 'get', key },
      { index: 1, method: 'openLog', key },
      { index: 2, method: 'append', key, records: logRecords(1) },
      { index: 3, method: 'close', key },
    ])
  })
})
