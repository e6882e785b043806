/** The part of the store contract about the index of sessions. */
import type { JsonObject, SessionIndexEntry, SessionIndexQuery, SessionKey, Store, TenantId } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, range } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

const [one, other] = ['default', 'other'] as unknown as readonly [TenantId, TenantId]

/** Returns the key of a session of agent `main`. */
function keyOf(name: string): SessionKey {
  return `agent:main:${name}` as SessionKey
}

function entry(name: string, updatedAt?: number, settings: JsonObject = {}, createdAt = updatedAt): SessionIndexEntry {
  const times = updatedAt === undefined || createdAt === undefined ? {} : { createdAt, updatedAt }
  return { sessionKey: keyOf(name), ...times, preview: `hello ${name}`, settings }
}

/** Five sessions, two of them of one moment. */
const five = [
  entry('e', 300, { owner: 'bob', label: 'x' }, 50),
  entry('a', 500, { owner: 'ada', label: 'x' }, 30),
  entry('c', 300, { owner: 'ada' }, 10),
  entry('b', 400, { owner: 'bob' }, 20),
  entry('d', undefined, { owner: 'ada', label: 'y' }),
]

async function names(store: Store, query: Partial<SessionIndexQuery> = {}, tenant = one): Promise<string> {
  const found = await store.index.page(tenant, { sort: 'key', limit: 100, ...query })
  return found.map(({ sessionKey }) => sessionKey.slice(keyOf('').length)).join(' ')
}

/** The whole list, page by page. */
async function paged(store: Store, query: Pick<SessionIndexQuery, 'sort'> & Partial<SessionIndexQuery>, limit: number): Promise<string> {
  const found: string[] = []
  for (let after: SessionIndexQuery['after']; ; ) {
    const page = await store.index.page(one, { ...query, limit, ...(after === undefined ? {} : { after }) })
    assert.atMost(page.length, limit)
    found.push(...page.map(({ sessionKey }) => sessionKey.slice(keyOf('').length)))
    const last = page.at(-1)
    if (last === undefined) return found.join(' ')
    after = query.sort === 'key' ? { sessionKey: last.sessionKey } : { sessionKey: last.sessionKey, at: last[query.sort] ?? 0 }
  }
}

const odd = {
  'a string with NUL': 'a\0b',
  'half a character': 'a\ud83d',
  'an emoji': '🦀',
  'a quote': `'"\\`,
  'an empty one': '',
}

export const indexTests: StoreTests = {
  async 'an index begins empty, and complete for no tenant'({ store }) {
    assert.equal(await names(store), '')
    assert.equal((await store.index.status(one)).isComplete, false)
    assert.equal(await store.index.get(one, [keyOf('a')]), [])
  },
  async 'an entry is read back as it was put, and a later one replaces it'({ store }) {
    const whole = entry('a', 1_700_000_000_123.5, { label: 'x', data: { deep: [1, null, { ü: '漢 🦀' }] } }, 7)
    await store.index.put(one, [whole, entry('b')])
    assert.equal(await store.index.get(one, [keyOf('b'), keyOf('a'), keyOf('none')]), [entry('b'), whole])
    assert.equal(await store.index.page(one, { sort: 'key', limit: 10 }), [whole, entry('b')])
    await store.index.put(one, [entry('a', 9)])
    assert.equal(await store.index.get(one, [keyOf('a')]), [entry('a', 9)])
    assert.equal(await names(store, { label: 'x' }), '')
  },
  async 'an entry without times or a message has none when it is read'({ store }) {
    const bare = { sessionKey: keyOf('a'), settings: {} }
    await store.index.put(one, [bare])
    assert.equal(await store.index.get(one, [keyOf('a')]), [bare])
    assert.equal(Object.keys((await store.index.page(one, { sort: 'updatedAt', limit: 1 }))[0] ?? {}).sort(), ['sessionKey', 'settings'])
  },
  async 'of two entries of one put the later one counts'({ store }) {
    await store.index.put(one, [entry('a', 1), entry('a', 2)])
    assert.equal(await store.index.get(one, [keyOf('a')]), [entry('a', 2)])
  },
  async 'a page is by key, by last activity or by beginning, the latest first, and by key where times are the same'({ store }) {
    await store.index.put(one, five)
    assert.equal(await names(store), 'a b c d e')
    assert.equal(await names(store, { sort: 'updatedAt' }), 'a b c e d')
    assert.equal(await names(store, { sort: 'createdAt' }), 'e a b c d')
  },
  async 'page after page gives every session once, in pages of any size'({ store }) {
    await store.index.put(one, five)
    for (const limit of [1, 2, 3, 5, 9]) {
      assert.equal(await paged(store, { sort: 'key' }, limit), 'a b c d e')
      assert.equal(await paged(store, { sort: 'updatedAt' }, limit), 'a b c e d')
      assert.equal(await paged(store, { sort: 'createdAt' }, limit), 'e a b c d')
      assert.equal(await paged(store, { sort: 'updatedAt', owner: 'ada' }, limit), 'a c d')
    }
  },
  async 'sessions of one moment are neither skipped nor given twice'({ store }) {
    await store.index.put(
      one,
      range(10, 59).map((number) => entry(`s${number}`, 1_000)),
    )
    const all = range(10, 59)
      .map((number) => `s${number}`)
      .join(' ')
    for (const limit of [1, 7, 50])
      for (const sort of ['key', 'updatedAt', 'createdAt'] as const) assert.equal(await paged(store, { sort }, limit), all)
  },
  async 'a page follows a place at which no session is any more'({ store }) {
    await store.index.put(one, five)
    assert.equal(await names(store, { after: { sessionKey: 'agent:main:bb' } }), 'c d e')
    assert.equal(await names(store, { sort: 'updatedAt', after: { sessionKey: keyOf('d'), at: 300 } }), 'e d')
    assert.equal(await names(store, { sort: 'updatedAt', after: { sessionKey: keyOf('a'), at: 450 } }), 'b c e d')
  },
  async 'a page has the sessions of a prefix, a label and an owner, and of all that is asked for'({ store }) {
    await store.index.put(one, [
      ...five,
      entry('bb', 350, { owner: 'ada' }),
      { ...entry('x', 1), sessionKey: 'agent:main2:b' as SessionKey },
    ])
    assert.equal(await names(store, { prefix: 'agent:main:b' }), 'b bb')
    for (const sort of ['updatedAt', 'createdAt'] as const)
      assert.equal(await names(store, { sort, prefix: 'agent:main:b' }), sort === 'createdAt' ? 'bb b' : 'b bb')
    assert.equal(await names(store, { owner: 'ada' }), 'a bb c d')
    assert.equal(await names(store, { label: 'x' }), 'a e')
    assert.equal(await names(store, { label: 'x', owner: 'bob' }), 'e')
    assert.equal(await names(store, { sort: 'updatedAt', label: 'x', owner: 'ada', prefix: 'agent:main:' }), 'a')
    assert.equal(await names(store, { label: 'none' }), '')
    assert.equal(await names(store, { prefix: 'agent:main:ü' }), '')
    assert.equal(await names(store, { prefix: 'main:b' }), '')
    assert.equal(await names(store, { prefix: 'agent:main:b', after: { sessionKey: keyOf('b') } }), 'bb')
  },
  async 'a label and an owner are any text, and compared exactly'({ store }) {
    const labels = Object.values(odd)
    await store.index.put(
      one,
      labels.map((label, index) => entry(`s${index}`, index, { label, owner: `${label}o` })),
    )
    for (const [index, label] of labels.entries()) {
      assert.equal(await names(store, { label }), `s${index}`)
      assert.equal(await names(store, { sort: 'updatedAt', owner: `${label}o` }), `s${index}`)
    }
    assert.equal(await names(store, { label: 'a\ud83e' }), '')
    // What is no text is no label.
    await store.index.put(one, [entry('n', 1, { label: 7, owner: null })])
    assert.equal(await store.index.get(one, [keyOf('n')]), [entry('n', 1, { label: 7, owner: null })])
    assert.equal(await names(store, { label: '7' }), '')
  },
  async 'a preview and settings are any text'({ store }) {
    for (const text of Object.values(odd)) {
      const strange = { ...entry('a', 1, { title: text }), preview: text }
      await store.index.put(one, [strange])
      assert.equal(await store.index.get(one, [keyOf('a')]), [strange])
    }
  },
  async 'times are any numbers'({ store }) {
    const times = [Number.MAX_SAFE_INTEGER, 1e300, 0.5, 0, -1, -1e300]
    await store.index.put(
      one,
      times.map((time, index) => entry(`s${index}`, time)),
    )
    assert.equal(await paged(store, { sort: 'updatedAt' }, 1), 's1 s0 s2 s3 s4 s5')
    assert.equal(
      (await store.index.page(one, { sort: 'updatedAt', limit: 9 })).map(({ updatedAt }) => updatedAt),
      [1e300, times[0], 0.5, 0, -1, -1e300],
    )
  },
  async 'what was deleted is not there, and the rest is'({ store }) {
    await store.index.put(one, five)
    await store.index.delete(one, [keyOf('b'), keyOf('none'), keyOf('e')])
    assert.equal(await names(store), 'a c d')
    assert.equal(await names(store, { sort: 'updatedAt' }), 'a c d')
    assert.equal(await names(store, { owner: 'bob' }), '')
    assert.equal(await store.index.get(one, [keyOf('b')]), [])
    await store.index.delete(one, [])
  },
  async 'calls take effect in call order, whether or not they are waited for'({ store }) {
    const calls = [
      store.index.put(
        one,
        range(1, 600).map((number) => entry(`s${number}`, 1)),
      ),
      store.index.delete(one, [keyOf('s7')]),
      store.index.put(one, [entry('s7', 2)]),
      store.index.put(one, [entry('s8', 3)]),
      store.index.delete(one, [keyOf('s9'), keyOf('s10')]),
    ]
    const page = names(store, { sort: 'updatedAt', limit: 2 })
    const cleared = store.index.clear(one)
    await store.index.put(one, [entry('after', 1)])
    assert.equal(await page, 's8 s7')
    await Promise.all([...calls, cleared])
    assert.equal(await names(store), 'after')
  },
  async 'tenants never see each other'({ store }) {
    await store.index.put(one, five)
    await store.index.put(other, [entry('a', 1, { owner: 'ada' })])
    assert.equal(await names(store, {}, other), 'a')
    assert.equal(await names(store, { sort: 'updatedAt', owner: 'ada' }, other), 'a')
    assert.equal(await names(store, { sort: 'createdAt', prefix: 'agent:' }, other), 'a')
    assert.equal(await store.index.get(other, [keyOf('a'), keyOf('b')]), [entry('a', 1, { owner: 'ada' })])
    await store.index.delete(other, [keyOf('a'), keyOf('b')])
    assert.equal(await names(store, {}, other), '')
    await store.index.complete(other)
    assert.equal((await store.index.status(one)).isComplete, false)
    await store.index.complete(one)
    await store.index.put(other, [entry('z')])
    await store.index.clear(one)
    assert.equal((await store.index.status(other)).isComplete, true)
    assert.equal(await names(store, {}, other), 'z')
  },
  async 'it is complete once it is said to be, until it is cleared'({ store }) {
    await store.index.put(one, five)
    assert.equal((await store.index.status(one)).isComplete, false)
    await store.index.complete(one)
    await store.index.complete(one)
    assert.equal(await store.index.status(one), { isComplete: true })
    await store.index.delete(
      one,
      five.map(({ sessionKey }) => sessionKey),
    )
    assert.equal((await store.index.status(one)).isComplete, true)
    await store.index.put(one, five)
    await store.index.clear(one)
    const status = await store.index.status(one)
    assert.isTrue(!status.isComplete && status.reason.length > 0, 'an index that is not complete says why')
    for (const sort of ['key', 'updatedAt'] as const) assert.equal(await names(store, { sort }), '')
    assert.equal(await names(store, { owner: 'ada' }), '')
  },
  async 'what is put and what is given back is a copy'({ store }) {
    const mine = entry('a', 1, { data: { list: [1] } })
    const given = [mine]
    const put = store.index.put(one, given)
    ;(mine.settings.data as { list: number[] }).list.push(2)
    given.push(entry('b'))
    await put
    const [found] = await store.index.get(one, [keyOf('a')])
    if (found !== undefined) (found.settings.data as { list: number[] }).list.push(3)
    assert.equal(await store.index.page(one, { sort: 'key', limit: 9 }), [entry('a', 1, { data: { list: [1] } })])
  },
  async 'what is no entry is refused, and nothing of its put is written'({ store }) {
    const good = entry('good')
    const bad: readonly [unknown, 'invalid-message' | 'invalid-session-key'][] = [
      [null, 'invalid-message'],
      ['agent:main:a', 'invalid-message'],
      [{ ...good, sessionKey: 7 }, 'invalid-session-key'],
      [{ ...good, sessionKey: 'main' }, 'invalid-session-key'],
      [{ ...good, sessionKey: 'agent:Main:a' }, 'invalid-session-key'],
      [{ ...good, sessionKey: `agent:main:${'x'.repeat(10_000_000)}` }, 'invalid-session-key'],
      [{ ...good, updatedAt: Number.NaN }, 'invalid-message'],
      [{ ...good, createdAt: '7' }, 'invalid-message'],
      [{ ...good, preview: 7 }, 'invalid-message'],
      [{ ...good, settings: undefined }, 'invalid-message'],
      [{ ...good, settings: [] }, 'invalid-message'],
      [{ ...good, settings: { big: 1n } }, 'invalid-message'],
    ]
    for (const [entryOfNone, code] of bad) {
      await expectRejection(store.index.put(one, [good, entryOfNone as SessionIndexEntry, good]), code)
      assert.equal(await names(store), '')
    }
    await expectRejection(store.index.put(one, 'a' as never), 'invalid-message')
    await expectRejection(store.index.delete(one, ['a' as SessionKey]), 'invalid-session-key')
    await expectRejection(store.index.get(one, [7 as never]), 'invalid-session-key')
    await store.index.put(one, [])
  },
  async 'an entry is as large as the store takes'({ store }) {
    const large = entry('a', 1, { data: 'x'.repeat(1_000_000) })
    await store.index.put(one, [large])
    assert.equal(await store.index.get(one, [keyOf('a')]), [large])
    await expectRejection(store.index.put(one, [entry('b', 1, { data: 'x'.repeat(65 * 1024 * 1024) })]), 'document-too-large')
    assert.equal(await names(store), 'a')
  },
  async 'what is no tenant and no query is refused'({ store }) {
    for (const tenant of ['', 7, undefined, 'x'.repeat(513)] as unknown as TenantId[]) {
      await expectRejection(store.index.put(tenant, five), 'invalid-id')
      await expectRejection(store.index.page(tenant, { sort: 'key', limit: 1 }), 'invalid-id')
      await expectRejection(store.index.status(tenant), 'invalid-id')
      await expectRejection(store.index.clear(tenant), 'invalid-id')
    }
    const good = { sort: 'key', limit: 1 } as const
    const bad = [
      undefined,
      { sort: 'key' },
      { ...good, sort: 'preview' },
      { ...good, limit: 0 },
      { ...good, limit: 1.5 },
      { ...good, limit: '5' },
      { ...good, prefix: 7 },
      { ...good, prefix: 'x'.repeat(10_000_000) },
      { ...good, label: {} },
      { ...good, after: 'agent:main:a' },
      { ...good, after: {} },
      { ...good, sort: 'updatedAt', after: { sessionKey: keyOf('a') } },
      { ...good, sort: 'updatedAt', after: { sessionKey: keyOf('a'), at: Number.NaN } },
    ]
    for (const query of bad) await expectRejection(store.index.page(one, query as SessionIndexQuery), 'invalid-option')
  },
  async 'thousands of entries are put at once, and found'({ store }) {
    const many = range(10_000, 12_999).map((number) => entry(`s${number}`, number % 100, { owner: `o${number % 7}` }))
    await store.index.put(one, many)
    assert.equal((await store.index.page(one, { sort: 'key', limit: 5_000 })).length, 3_000)
    const sorted = [...many].sort((a, b) => (b.updatedAt ?? 0) - (a.updatedAt ?? 0) || (a.sessionKey < b.sessionKey ? -1 : 1))
    assert.equal(await store.index.page(one, { sort: 'updatedAt', limit: 50 }), sorted.slice(0, 50))
    const ofOne = sorted.filter(({ settings }) => settings.owner === 'o3')
    assert.equal(await store.index.page(one, { sort: 'updatedAt', owner: 'o3', limit: 1_000 }), ofOne)
  },
  async 'calls after the stop are refused'({ store }) {
    await store.index.put(one, five)
    await store.stop()
    await expectRejection(store.index.put(one, five), 'store-stopped')
    await expectRejection(store.index.delete(one, [keyOf('a')]), 'store-stopped')
    await expectRejection(store.index.get(one, [keyOf('a')]), 'store-stopped')
    await expectRejection(store.index.page(one, { sort: 'key', limit: 1 }), 'store-stopped')
    await expectRejection(store.index.status(one), 'store-stopped')
    await expectRejection(store.index.complete(one), 'store-stopped')
    await expectRejection(store.index.clear(one), 'store-stopped')
  },
}

/** What outlives the store. An index in memory comes back empty, and then says that it is not complete. */
export const indexReopenTests: StoreTests = {
  async 'an index comes back as it was, or says that it is not complete'({ store, reopen }) {
    await store.index.put(one, five)
    await store.index.delete(one, [keyOf('a')])
    await store.index.complete(one)
    await store.index.put(other, [entry('z', 1)])
    await store.stop()
    if (reopen === undefined) assert.fail('the subject of this test has no "reopen"')
    const again = await reopen()
    const status = await again.index.status(one)
    if (status.isComplete) {
      assert.equal(await names(again, { sort: 'updatedAt' }), 'b c e d')
      assert.equal(await names(again, { owner: 'ada' }), 'c d')
    }
    assert.equal((await again.index.status(other)).isComplete, false)
  },
}
