/** The documents' part of the Store contract. */
import type { JsonValue, StoreKey, TenantId } from '@beamclaw/core'
import { expect } from 'vitest'
import type { StoreTests } from './store-contract.ts'
import { expectRejection, fencingToken, logRecords, storeKey } from './store-fixtures.ts'

export const documentTests: StoreTests = {
  async 'a document that was never put is absent'({ store }) {
    expect(await store.get(storeKey('jobs', 'none'))).toBeUndefined()
    expect(await store.delete(storeKey('jobs', 'none'))).toBe(false)
  },
  async 'what was put comes back'({ store }) {
    const values: JsonValue[] = [null, true, false, 0, -1.5, 1e300, '', 'a\u0000b\n"\\', 'ü 漢 🦀 \ud800', [], {}, [[1], { a: [null] }]]
    for (const [index, value] of values.entries()) {
      const key = storeKey('values', `v${index}`)
      expect(await store.put(key, value)).toBe(1)
      expect(await store.get(key)).toEqual({ value, version: 1 })
    }
  },
  async 'awkward property names come back'({ store }) {
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":2,"":3,"toString":"x","1":1}') as JsonValue
    await store.put(storeKey('values', 'names'), value)
    const read = await store.get(storeKey('values', 'names'))
    expect(JSON.stringify(read?.value)).toBe(JSON.stringify(value))
  },
  async 'properties that are undefined are left out'({ store }) {
    await store.put(storeKey('values', 'partial'), { a: 1, b: undefined })
    expect(Object.keys((await store.get(storeKey('values', 'partial')))?.value as object)).toEqual(['a'])
  },
  async 'versions count from 1 and start again after a deletion'({ store }) {
    const key = storeKey('jobs', 'daily')
    expect([await store.put(key, 1), await store.put(key, 2), await store.put(key, 3)]).toEqual([1, 2, 3])
    expect(await store.delete(key)).toBe(true)
    expect(await store.get(key)).toBeUndefined()
    expect(await store.put(key, 4)).toBe(1)
  },
  async 'values are copied on the way in and on the way out'({ store }) {
    const key = storeKey('jobs', 'shared')
    const value = { list: [1], inner: { a: 1 } }
    const putting = store.put(key, value)
    value.list.push(2)
    value.inner.a = 9
    await putting
    const first = (await store.get(key))?.value as typeof value
    expect(first).toEqual({ list: [1], inner: { a: 1 } })
    first.list.push(3)
    expect((await store.get(key))?.value).toEqual({ list: [1], inner: { a: 1 } })
  },
  async 'writes of one key are taken in call order'({ store }) {
    const key = storeKey('jobs', 'order')
    const versions = await Promise.all(Array.from({ length: 30 }, (_, index) => store.put(key, index)))
    expect(versions).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    expect(await store.get(key)).toEqual({ value: 29, version: 30 })
  },
}

export const versionTests: StoreTests = {
  async 'an expected version that is right writes'({ store }) {
    const key = storeKey('jobs', 'a')
    expect(await store.put(key, 'one', { expectedVersion: 0 })).toBe(1)
    expect(await store.put(key, 'two', { expectedVersion: 1 })).toBe(2)
  },
  async 'an expected version that is stale rejects and changes nothing'({ store }) {
    const key = storeKey('jobs', 'a')
    await store.put(key, 'one')
    await store.put(key, 'two')
    for (const expectedVersion of [0, 1, 3]) {
      await expectRejection(store.put(key, 'lost', { expectedVersion }), 'version-conflict')
      await expectRejection(store.delete(key, { expectedVersion }), 'version-conflict')
    }
    expect(await store.get(key)).toEqual({ value: 'two', version: 2 })
    expect(await store.delete(key, { expectedVersion: 2 })).toBe(true)
    await expectRejection(store.put(key, 'lost', { expectedVersion: 2 }), 'version-conflict')
    expect(await store.get(key)).toBeUndefined()
  },
  async 'of many writers with the same expectation one wins'({ store }) {
    const key = storeKey('jobs', 'race')
    await store.put(key, 'start')
    const writes = Array.from({ length: 20 }, (_, index) => store.put(key, index, { expectedVersion: 1 }))
    const outcomes = await Promise.allSettled(writes)
    const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []))
    expect(winners).toHaveLength(1)
    expect(await store.get(key)).toEqual({ value: winners[0], version: 2 })
  },
  async 'read, change, write again when it was stale: no change is lost'({ store }) {
    const key = storeKey('jobs', 'counter')
    await store.put(key, 0)
    const increment = async (): Promise<void> => {
      for (;;) {
        const { value = 0, version = 0 } = (await store.get(key)) ?? {}
        const written = await store.put(key, (value as number) + 1, { expectedVersion: version }).catch(() => undefined)
        if (written !== undefined) return
      }
    }
    await Promise.all(Array.from({ length: 8 }, increment))
    expect(await store.get(key)).toEqual({ value: 8, version: 9 })
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
    expect(listed).toEqual(
      names.flatMap((name) => (name === 'a' ? [storeKey('things', 'a'), storeKey('things', 'a', 'log')] : [storeKey('things', name)])),
    )
  },
  async 'pages through everything exactly once'({ store }) {
    const names = Array.from({ length: 23 }, (_, index) => `job${index}`)
    for (const name of names) await store.put(storeKey('jobs', name, 'state'), name)
    const seen: StoreKey[] = []
    for (let after: StoreKey | undefined; ; after = seen.at(-1)) {
      const page = await store.list(storeKey('jobs'), { limit: 5, ...(after === undefined ? {} : { after }) })
      expect(page.length).toBeLessThanOrEqual(5)
      if (page.length === 0) break
      seen.push(...page)
    }
    expect(seen.map((key) => key[2])).toEqual([...names].sort())
  },
  async 'starts after keys that do not exist'({ store }) {
    for (const name of ['b', 'd', 'f']) await store.put(storeKey('x', name, 'y'), 1)
    const after = async (...names: string[]) => (await store.list(storeKey('x'), { after: storeKey(...names) })).map((key) => key[2])
    expect(await after('x', 'a')).toEqual(['b', 'd', 'f'])
    expect(await after('x', 'd')).toEqual(['d', 'f'])
    expect(await after('x', 'd', 'y')).toEqual(['f'])
    expect(await after('x', 'd', 'z')).toEqual(['f'])
    expect(await after('x', 'e')).toEqual(['f'])
    expect(await after('w')).toEqual(['b', 'd', 'f'])
    expect(await after('x')).toEqual(['b', 'd', 'f'])
    expect(await after('y')).toEqual([])
  },
  async 'lists at most 1000 keys unless told otherwise'({ store }) {
    await Promise.all(Array.from({ length: 1003 }, (_, index) => store.put(storeKey('many', `n${index}`), index)))
    expect(await store.list(storeKey('many'))).toHaveLength(1000)
    expect(await store.list(storeKey('many'), { limit: 2000 })).toHaveLength(1003)
  },
  async 'leaves out what was deleted, and what was never there'({ store }) {
    await store.put(storeKey('a', 'b', 'c'), 1)
    await store.put(storeKey('a', 'b', 'd'), 1)
    await store.delete(storeKey('a', 'b', 'c'))
    expect(await store.list(storeKey('a'))).toEqual([storeKey('a', 'b', 'd')])
    expect(await store.list(storeKey('nothing'))).toEqual([])
    expect(await store.list(storeKey())).toEqual([storeKey('a', 'b', 'd')])
  },
}

const longName = 'n'.repeat(512)
// What file systems, shells, key separators and Lua patterns trip over.
const hostileNames = [
  '.', '..', '../..', '/', '/etc/passwd', 'a/b', 'a\\b', '\0', 'a\0b', ' ', 'a ', '.hidden', '-rf', '~', '%', '%2e', '%u0041', '*', '?', ':', '::', '|', '"', '{a}', '}',
  'CON', 'con', 'nul', 'com1', 'lpt9', 'aux.json', 'A', 'a', 'É', 'é', 'e\u0301', 'ß', 'ẞ', 'ı', 'I', 'K', '\ud800', '\udc00\ud800', '\u202e', '\n', '🦀', 'a.json', 'a.jsonl',
  'MANIFEST', 'manifest', 'manifest-0001', 'MANIFEST-0001', '0001.jsonl', '0001', 'snap-1', 'snap-1.json', 'deleted', 'DELETED', '.lock', '.tmp-log-1', '__proto__', 'constructor',
  longName, `${longName.slice(1)}m`, '漢'.repeat(512), `${'漢'.repeat(511)}字`, '/'.repeat(512),
] // biome-ignore format: one name a line would hide them

export const nameTests: StoreTests = {
  async 'any name is a key of its own'({ store }) {
    for (const [index, name] of hostileNames.entries()) {
      await store.put(storeKey('names', name), index)
      await store.put(storeKey('names', name, 'below', name), -index)
    }
    for (const [index, name] of hostileNames.entries()) {
      expect((await store.get(storeKey('names', name)))?.value, JSON.stringify(name)).toBe(index)
      expect((await store.get(storeKey('names', name, 'below', name)))?.value === -index, JSON.stringify(name)).toBe(true)
    }
    const sorted = [...hostileNames].sort()
    const expected = sorted.flatMap((name) => [storeKey('names', name), storeKey('names', name, 'below', name)])
    expect(await store.list(storeKey('names'))).toEqual(expected)
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
      expect((await log.read()).records).toEqual(logRecords(1, 2, name))
      await log.close()
      expect((await store.get(storeKey('logs', name, name)))?.value).toBe(name)
    }
  },
  async 'a key takes 1 to 8 names'({ store }) {
    const names = Array.from({ length: 8 }, () => '漢'.repeat(200))
    await store.put(storeKey(...names), 'deep')
    expect((await store.get(storeKey(...names)))?.value).toBe('deep')
    expect(await store.list(storeKey(...names.slice(0, 3)))).toEqual([storeKey(...names)])
  },
  async 'keys are told apart by their parts'({ store }) {
    await store.put(storeKey('a', 'b'), 1)
    await store.put(storeKey('a/b'), 2)
    await store.put(storeKey('a:b'), 3)
    await store.put(storeKey('a', 'b', 'c'), 4)
    expect([(await store.get(storeKey('a', 'b')))?.value, (await store.get(storeKey('a/b')))?.value]).toEqual([1, 2])
    expect(await store.get(storeKey('a'))).toBeUndefined()
  },
}

export const tenantTests: StoreTests = {
  async 'tenants do not see each other'({ store }) {
    const [red, blue] = ['red' as TenantId, 'blue' as TenantId]
    await store.put([red, 'jobs', 'a'], 'red')
    await store.put([blue, 'jobs', 'a'], 'blue')
    const log = await store.openLog([red, 'sessions', 'a'], fencingToken())
    await log.append(logRecords(1))
    expect((await store.get([red, 'jobs', 'a']))?.value).toBe('red')
    expect(await store.list([blue])).toEqual([[blue, 'jobs', 'a']])
    expect(await store.list(['re' as TenantId])).toEqual([])
    await store.delete([blue, 'jobs', 'a'])
    await store.delete([blue, 'sessions', 'a'])
    expect(await store.list([red])).toEqual([
      [red, 'jobs', 'a'],
      [red, 'sessions', 'a'],
    ])
    await log.append(logRecords(2))
  },
}
