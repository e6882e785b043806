/** The documents' part of the Store contract. */
import type { JsonValue, StoreKey, TenantId } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, range, storeKey } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

export const documentTests: StoreTests = {
  async 'a document that was never put is absent'({ store }) {
    assert.equal(await store.get(storeKey('jobs', 'none')), undefined)
    assert.equal(await store.delete(storeKey('jobs', 'none')), false)
  },
  async 'what was put comes back'({ store }) {
    const values: JsonValue[] = [null, true, false, 0, -1.5, 0.1, 1e300, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER, '', ' a ', '7', 'null']
    values.push('a\u0000b\n"\\', 'ü 漢 🦀 \ud800', 'e\u0301', '2026-01-31T09:00:00.000Z')
    values.push([], {}, [[1], { a: [null] }], { a: null, b: [], c: {} }, [[]], ['one'])
    for (const [index, value] of values.entries()) {
      const key = storeKey('values', `v${index}`)
      assert.equal(await store.put(key, value), 1)
      assert.equal(await store.get(key), { value, version: 1 })
    }
  },
  async 'awkward property names come back'({ store }) {
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":2,"":3,"toString":"x","1":1}') as JsonValue
    await store.put(storeKey('values', 'names'), value)
    const read = await store.get(storeKey('values', 'names'))
    assert.equal(JSON.stringify(read?.value), JSON.stringify(value))
  },
  async 'properties that are undefined are left out'({ store }) {
    await store.put(storeKey('values', 'partial'), { a: 1, b: undefined })
    assert.equal(Object.keys((await store.get(storeKey('values', 'partial')))?.value as object), ['a'])
  },
  async 'versions count from 1 and start again after a deletion'({ store }) {
    const key = storeKey('jobs', 'daily')
    assert.equal([await store.put(key, 1), await store.put(key, 2), await store.put(key, 3)], [1, 2, 3])
    assert.equal(await store.delete(key), true)
    assert.equal(await store.get(key), undefined)
    assert.equal(await store.put(key, 4), 1)
  },
  async 'a put replaces the whole document'({ store }) {
    const key = storeKey('jobs', 'whole')
    await store.put(key, { a: 1, b: 1 })
    await store.put(key, { a: 2 })
    assert.equal((await store.get(key))?.value, { a: 2 })
  },
  async 'values are copied on the way in and on the way out'({ store }) {
    const key = storeKey('jobs', 'shared')
    const value = { list: [1], inner: { a: 1 } }
    const putting = store.put(key, value)
    value.list.push(2)
    value.inner.a = 9
    await putting
    const first = (await store.get(key))?.value as typeof value
    assert.equal(first, { list: [1], inner: { a: 1 } })
    first.list.push(3)
    assert.equal((await store.get(key))?.value, { list: [1], inner: { a: 1 } })
  },
  async 'writes of one key are taken in call order'({ store }) {
    const key = storeKey('jobs', 'order')
    const versions = await Promise.all(Array.from({ length: 30 }, (_, index) => store.put(key, index)))
    assert.equal(
      versions,
      Array.from({ length: 30 }, (_, index) => index + 1),
    )
    assert.equal(await store.get(key), { value: 29, version: 30 })
  },
}

export const versionTests: StoreTests = {
  async 'an expected version that is right writes'({ store }) {
    const key = storeKey('jobs', 'a')
    assert.equal(await store.put(key, 'one', { expectedVersion: 0 }), 1)
    assert.equal(await store.put(key, 'two', { expectedVersion: 1 }), 2)
  },
  async 'an expected version that is stale rejects and changes nothing'({ store }) {
    const key = storeKey('jobs', 'a')
    await store.put(key, 'one')
    await store.put(key, 'two')
    for (const expectedVersion of [0, 1, 3]) {
      await expectRejection(store.put(key, 'lost', { expectedVersion }), 'version-conflict')
      await expectRejection(store.delete(key, { expectedVersion }), 'version-conflict')
    }
    assert.equal(await store.get(key), { value: 'two', version: 2 })
    assert.equal(await store.delete(key, { expectedVersion: 2 }), true)
    await expectRejection(store.put(key, 'lost', { expectedVersion: 2 }), 'version-conflict')
    assert.equal(await store.get(key), undefined)
  },
  async 'of many writers with the same expectation one wins'({ store }) {
    const key = storeKey('jobs', 'race')
    await store.put(key, 'start')
    const writes = Array.from({ length: 20 }, (_, index) => store.put(key, index, { expectedVersion: 1 }))
    const outcomes = await Promise.allSettled(writes)
    const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []))
    assert.equal(winners.length, 1)
    assert.equal(await store.get(key), { value: winners[0], version: 2 })
  },
  async 'read, change, write again when it was stale: no change is lost'({ store }) {
    const key = storeKey('jobs', 'counter')
    await store.put(key, 0)
    const increment = async (): Promise<void> => {
      for (const _ of range(1, 100)) {
        const { value = 0, version = 0 } = (await store.get(key)) ?? {}
        const written = await store.put(key, (value as number) + 1, { expectedVersion: version }).catch(() => undefined)
        if (written !== undefined) return
      }
      assert.fail(`100 rounds of get and put with expectedVersion all failed, the document is ${JSON.stringify(await store.get(key))}`)
    }
    await Promise.all(Array.from({ length: 8 }, increment))
    assert.equal(await store.get(key), { value: 8, version: 9 })
  },
}

export const listTests: StoreTests = {
  async 'lists documents and logs below a prefix in code-unit order'({ store }) {
    const keys = ['b', 'a', 'B', 'a-b', 'a b', 'ä', '10', '9', '\uffff', '🦀'].map((name) => storeKey('things', name))
    for (const key of keys) await store.put(key, 1)
    await (await store.openLog(storeKey('things', 'a', 'log'), fencingToken())).close()
    await store.put(storeKey('thing'), 1)
    await store.put(storeKey('things'), 1)
    const listed = await store.list(storeKey('things'))
    const names = ['10', '9', 'B', 'a', 'a b', 'a-b', 'b', 'ä', '🦀', '\uffff']
    assert.equal(
      listed,
      names.flatMap((name) => (name === 'a' ? [storeKey('things', 'a'), storeKey('things', 'a', 'log')] : [storeKey('things', name)])),
    )
  },
  async 'pages through everything exactly once'({ store }) {
    const names = Array.from({ length: 23 }, (_, index) => `job${index}`)
    for (const name of names) await store.put(storeKey('jobs', name, 'state'), name)
    const seen: StoreKey[] = []
    for (const _ of range(1, 6)) {
      const after = seen.at(-1)
      const page = await store.list(storeKey('jobs'), { limit: 5, ...(after === undefined ? {} : { after }) })
      assert.atMost(page.length, 5)
      for (const key of page) assert.excludes(seen.map(String), String(key), `the page after ${after} has a key of the pages before it`)
      if (page.length === 0) break
      seen.push(...page)
    }
    assert.equal(
      seen.map((key) => key[2]),
      [...names].sort(),
    )
  },
  async 'a prefix is compared part by part, and literally'({ store }) {
    for (const name of ['thing', 'things', 'Thing']) await store.put(storeKey(name, 'a'), 1)
    assert.equal(await store.list(storeKey('thing')), [storeKey('thing', 'a')])
    for (const name of ['thin', 'thing_', 'thing*', 'thing%', '%', '*', '_', '?', '.*', 'THING']) {
      assert.equal(await store.list(storeKey(name)), [], `the prefix ${name}`)
    }
  },
  async 'starts after keys that do not exist'({ store }) {
    for (const name of ['b', 'd', 'f']) await store.put(storeKey('x', name, 'y'), 1)
    const after = async (...names: string[]) => (await store.list(storeKey('x'), { after: storeKey(...names) })).map((key) => key[2])
    assert.equal(await after('x', 'a'), ['b', 'd', 'f'])
    assert.equal(await after('x', 'd'), ['d', 'f'])
    assert.equal(await after('x', 'd', 'y'), ['f'])
    assert.equal(await after('x', 'd', 'z'), ['f'])
    assert.equal(await after('x', 'e'), ['f'])
    assert.equal(await after('w'), ['b', 'd', 'f'])
    assert.equal(await after('x'), ['b', 'd', 'f'])
    assert.equal(await after('y'), [])
  },
  async 'lists at most 1000 keys unless told otherwise'({ store }) {
    await Promise.all(Array.from({ length: 1003 }, (_, index) => store.put(storeKey('many', `n${index}`), index)))
    assert.equal((await store.list(storeKey('many'))).length, 1000)
    assert.equal((await store.list(storeKey('many'), { limit: 2000 })).length, 1003)
  },
  async 'leaves out what was deleted, and what was never there'({ store }) {
    await store.put(storeKey('a', 'b', 'c'), 1)
    await store.put(storeKey('a', 'b', 'd'), 1)
    await store.delete(storeKey('a', 'b', 'c'))
    assert.equal(await store.list(storeKey('a')), [storeKey('a', 'b', 'd')])
    assert.equal(await store.list(storeKey('nothing')), [])
    assert.equal(await store.list(storeKey()), [storeKey('a', 'b', 'd')])
  },
}

const longName = 'n'.repeat(512)
// Names that break file systems, shells, key separators and Lua patterns.
const hostileNames = [
  '.', '..', '../..', '/', '/etc/passwd', 'a/b', 'a\\b', '\0', 'a\0b', ' ', 'a ', '.hidden', '-rf', '~', '%', '%2e', '%u0041', '*', '?', ':', '::', '|', '"', '{a}', '}',
  'CON', 'con', 'nul', 'com1', 'lpt9', 'aux.json', 'A', 'a', 'É', 'é', 'e\u0301', 'ß', 'ẞ', 'ı', 'I', 'K', '\ud800', '\udc00', '\udc00\ud800', '\u202e', '\n', '🦀', 'a.json', 'a.jsonl',
  'MANIFEST', 'manifest', 'manifest-0001', 'MANIFEST-0001', '0001.jsonl', '0001', 'snap-1', 'snap-1.json', 'deleted', 'DELETED', '.lock', '.tmp-log-1', '__proto__', 'constructor',
  longName, `${longName.slice(1)}m`, '漢'.repeat(512), `${'漢'.repeat(511)}字`, '/'.repeat(512),
] // biome-ignore format: one name a line would hide them

export const nameTests: StoreTests = {
  async 'any name is a key of its own'({ store }) {
    for (const [index, name] of hostileNames.entries()) {
      await store.put(storeKey('names', name), index)
      await store.put(storeKey('names', name, 'below', name), -1 - index)
    }
    for (const [index, name] of hostileNames.entries()) {
      assert.equal((await store.get(storeKey('names', name)))?.value, index, JSON.stringify(name))
      assert.equal((await store.get(storeKey('names', name, 'below', name)))?.value, -1 - index, JSON.stringify(name))
    }
    const sorted = [...hostileNames].sort()
    const expected = sorted.flatMap((name) => [storeKey('names', name), storeKey('names', name, 'below', name)])
    assert.equal(await store.list(storeKey('names')), expected)
  },
  async 'any name can name a log, beside documents and logs below it'({ store }) {
    for (const name of hostileNames) {
      const log = await store.openLog(storeKey('logs', name), fencingToken())
      await log.append(logRecords(1, 2, name))
      await log.close()
      await store.put(storeKey('logs', name, name), name)
    }
    for (const name of hostileNames) {
      const log = await store.openLog(storeKey('logs', name), fencingToken())
      assert.equal((await log.read()).records, logRecords(1, 2, name))
      await log.close()
      assert.equal((await store.get(storeKey('logs', name, name)))?.value, name)
    }
  },
  async 'a key takes 1 to 8 names'({ store }) {
    const names = Array.from({ length: 8 }, () => '漢'.repeat(200))
    await store.put(storeKey(...names), 'deep')
    assert.equal((await store.get(storeKey(...names)))?.value, 'deep')
    assert.equal(await store.list(storeKey(...names.slice(0, 3))), [storeKey(...names)])
  },
  async 'keys are copied on the way in and on the way out'({ store }) {
    const key = ['default', 'jobs', 'a'] as unknown as [TenantId, string, string]
    const putting = store.put(key, 1)
    key[2] = 'b'
    await putting
    const listed = (await store.list(storeKey('jobs'))) as StoreKey[]
    assert.equal(listed, [storeKey('jobs', 'a')])
    ;(listed[0] as unknown as string[])[2] = 'c'
    assert.equal(await store.list(storeKey('jobs')), [storeKey('jobs', 'a')])
  },
  async 'keys are told apart by their parts'({ store }) {
    await store.put(storeKey('a', 'b'), 1)
    await store.put(storeKey('a/b'), 2)
    await store.put(storeKey('a:b'), 3)
    await store.put(storeKey('a', 'b', 'c'), 4)
    await store.put(storeKey('ab'), 5)
    await store.put(storeKey('a\0b'), 6)
    await store.put(storeKey('a', '.', 'b'), 7)
    await store.put(storeKey('a', 'c', '..', 'b'), 8)
    assert.equal((await store.get(storeKey('a:b')))?.value, 3)
    assert.equal([(await store.get(storeKey('a', 'b')))?.value, (await store.get(storeKey('a/b')))?.value], [1, 2])
    assert.equal(await store.get(storeKey('a')), undefined)
  },
}

export const tenantTests: StoreTests = {
  async 'tenants do not see each other'({ store }) {
    const [red, blue] = ['red' as TenantId, 'blue' as TenantId]
    await store.put([red, 'jobs', 'a'], 'red')
    await store.put([blue, 'jobs', 'a'], 'blue')
    const log = await store.openLog([red, 'sessions', 'a'], fencingToken())
    await log.append(logRecords(1))
    assert.equal((await store.get([red, 'jobs', 'a']))?.value, 'red')
    assert.equal(await store.list([blue]), [[blue, 'jobs', 'a']])
    assert.equal(await store.list(['re' as TenantId]), [])
    await store.delete([blue, 'jobs', 'a'])
    await store.delete([blue, 'sessions', 'a'])
    assert.equal(await store.list([red]), [
      [red, 'jobs', 'a'],
      [red, 'sessions', 'a'],
    ])
    await log.append(logRecords(2))
  },
}
