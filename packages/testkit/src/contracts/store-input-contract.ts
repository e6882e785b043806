/** The part of the store contract about invalid input. */
import type { JsonValue, ListOptions, LogEntry, PutOptions, StoreKey } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, storeKey } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

export const inputTests: StoreTests = {
  async 'refuses values that are not JSON, and stores nothing'({ store }) {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = { cyclic }
    const deep: unknown[] = []
    let innermost = deep
    for (let depth = 0; depth < 100_000; depth++) {
      const next: unknown[] = []
      innermost.push(next)
      innermost = next
    }
    const bad: unknown[] = [
      undefined,
      cyclic,
      deep,
      1n,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      () => 1,
      Symbol('s'),
      [undefined],
      new Map(),
      new Date(0),
      { a: [new Set()] },
    ]
    for (const value of bad) {
      await expectRejection(store.put(storeKey('bad', 'value'), value as JsonValue), 'invalid-message')
      const log = await store.openLog(storeKey('bad', 'log'), fencingToken())
      const record = { ...logRecords(1)[0], data: { value } } as LogEntry
      if (value !== undefined) await expectRejection(log.append([record]), 'invalid-message')
      assert.equal((await (await store.openLog(storeKey('bad', 'log'), fencingToken())).read()).records, [])
    }
    assert.equal(await store.get(storeKey('bad', 'value')), undefined)
  },
  async 'refuses records that are not records'({ store }) {
    const good = logRecords(1)[0] as LogEntry
    const bad: unknown[] = [
      undefined,
      'text',
      [undefined],
      [null],
      [{ ...good, seq: 0 }],
      [{ ...good, seq: 1.5 }],
      [{ ...good, ts: Number.NaN }],
    ]
    bad.push([{ ...good, id: undefined }], [{ ...good, type: 7 }], [{ ...good, data: [] }], [{ ...good, data: null }])
    const log = await store.openLog(storeKey('bad', 'records'), fencingToken())
    for (const records of bad) await expectRejection(log.append(records as LogEntry[]), 'invalid-message')
    await expectRejection(log.append([good, { ...good, seq: 2, data: { value: 1n } }] as unknown as LogEntry[]), 'invalid-message')
    assert.equal((await log.read()).records, [])
  },
  async 'refuses what is too large, and stores nothing'({ store }) {
    const huge = 'x'.repeat(70 * 1024 * 1024)
    await expectRejection(store.put(storeKey('bad', 'huge'), huge), 'document-too-large')
    assert.equal(await store.get(storeKey('bad', 'huge')), undefined)
    const log = await store.openLog(storeKey('bad', 'log'), fencingToken())
    await expectRejection(log.append([...logRecords(1), ...logRecords(2, 2, huge)]), 'document-too-large')
    await expectRejection(log.snapshot({ seq: 0, state: huge }), 'document-too-large')
    assert.equal(await log.read(), { snapshot: undefined, records: [] })
  },
  async 'a handle that refused something goes on as if it had not been asked'({ store }) {
    const log = await store.openLog(storeKey('bad', 'log'), fencingToken())
    await log.append(logRecords(1))
    const notJson = [{ ...logRecords(2)[0], data: { value: 1n } }] as unknown as LogEntry[]
    const refused = [
      expectRejection(log.append(notJson), 'invalid-message'),
      expectRejection(log.append(logRecords(7)), 'log-gap'),
      expectRejection(log.snapshot({ seq: 1, state: Number.NaN }), 'invalid-message'),
      expectRejection(log.snapshot({ seq: 9, state: {} }), 'log-gap'),
      expectRejection(log.read(Number.NaN), 'invalid-message', 'invalid-option'),
    ]
    // Called before any of them was answered.
    const later = [log.append(logRecords(2, 3)), log.snapshot({ seq: 1, state: 'one' }), log.append(logRecords(4))]
    await Promise.all([...refused, ...later])
    await expectRejection(log.append(notJson), 'invalid-message')
    await log.append(logRecords(5))
    assert.equal(await log.read(), { snapshot: { seq: 1, state: 'one' }, records: logRecords(2, 5) })
  },
  async 'what counted on something that was refused is refused too'({ store }) {
    const log = await store.openLog(storeKey('bad', 'log'), fencingToken())
    const notJson = [{ ...logRecords(1)[0], data: { value: 1n } }] as unknown as LogEntry[]
    const refused = expectRejection(log.append(notJson), 'invalid-message')
    const counted = expectRejection(log.append(logRecords(2)), 'log-gap')
    await Promise.all([refused, counted])
    await log.append(logRecords(1, 2))
    assert.equal((await log.read()).records, logRecords(1, 2))
  },
  async 'refuses keys that are not keys'({ store }) {
    const bad: unknown[] = [
      undefined,
      'text',
      [],
      ['default'],
      ['default', ''],
      ['default', 7],
      ['default', 'x'.repeat(513)],
      ['default', ...Array.from({ length: 9 }, () => 'a')],
    ]
    for (const key of bad) {
      await expectRejection(store.get(key as StoreKey), 'invalid-id')
      await expectRejection(store.put(key as StoreKey, 1), 'invalid-id')
      await expectRejection(store.delete(key as StoreKey), 'invalid-id')
      await expectRejection(store.openLog(key as StoreKey, fencingToken()), 'invalid-id')
      await expectRejection(store.deleteLog(key as StoreKey, fencingToken()), 'invalid-id')
    }
    await expectRejection(store.list([] as unknown as StoreKey), 'invalid-id')
  },
  async 'refuses options that are out of range'({ store }) {
    for (const expectedVersion of [-1, 1.5, '1']) {
      await expectRejection(store.put(storeKey('a'), 1, { expectedVersion } as PutOptions), 'invalid-option')
    }
    for (const limit of [0, -1, 1.5, '1']) await expectRejection(store.list(storeKey('a'), { limit } as ListOptions), 'invalid-option')
    for (const token of [undefined, {}, { epoch: 1 }, { epoch: '1', nonce: 'a' }, { epoch: Number.NaN, nonce: 'a' }]) {
      await expectRejection(store.openLog(storeKey('a'), token as never), 'invalid-option')
    }
  },
}
