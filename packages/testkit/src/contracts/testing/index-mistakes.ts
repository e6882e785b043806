/** Planted mistakes of the index of sessions. */
import type { SessionIndexEntry } from '@beamclaw/core'
import { compareIndexPlaces } from '@beamclaw/core/adapter'
import { correctIndexRules as correct, type IndexRules, placeOf } from './index-rules.ts'
import type { StoreMistake } from './mistaken-store.ts'
import { correctRules, turn } from './store-rules.ts'

const wrong = (caughtBy: string, rules: Partial<IndexRules>): StoreMistake => ({ caughtBy, rules: { index: { ...correct, ...rules } } })

const readBack = 'an entry is read back as it was put, and a later one replaces it'
const order = 'a page is by key, by last activity or by beginning, the latest first, and by key where times are the same'
const moments = 'sessions of one moment are neither skipped nor given twice'
const every = 'page after page gives every session once, in pages of any size'
const filters = 'a page has the sessions of a prefix, a label and an owner, and of all that is asked for'
const tenants = 'tenants never see each other'
const marked = 'it is complete once it is said to be, until it is cleared'
const copied = 'what is put and what is given back is a copy'
const refused = 'what is no entry is refused, and nothing of its put is written'
const queries = 'what is no tenant and no query is refused'
const stopped = 'calls after the stop are refused'
const reopened = 'an index comes back as it was, or says that it is not complete'
const ordered = 'calls take effect in call order, whether or not they are waited for'

export const indexMistakes: Readonly<Record<string, StoreMistake>> = {
  'is complete from the beginning': {
    caughtBy: 'an index begins empty, and complete for no tenant',
    rules: { index: { ...correct, isCompleteAtFirst: true } },
  },
  'keeps the first entry of a session': wrong(readBack, {
    put: (tenant, entries) => {
      for (const entry of entries) if (!tenant.entries.has(entry.sessionKey)) tenant.entries.set(entry.sessionKey, entry)
    },
  }),
  'rounds times': wrong(readBack, {
    encode: (entries) =>
      correct
        .encode(entries)
        .map((entry) => (entry.updatedAt === undefined ? entry : { ...entry, updatedAt: Math.round(entry.updatedAt) })),
  }),
  'gives a time to a session that has none': wrong('an entry without times or a message has none when it is read', {
    encode: (entries) => correct.encode(entries).map((entry) => ({ createdAt: 0, updatedAt: 0, ...entry })),
  }),
  'writes the first of two entries last': wrong('of two entries of one put the later one counts', {
    put: (tenant, entries) => correct.put(tenant, [...entries].reverse()),
  }),
  'gives the oldest first': wrong(order, {
    page: (entries, query) => {
      const place = (entry: SessionIndexEntry) => ({ ...placeOf(entry, query.sort), at: -placeOf(entry, query.sort).at })
      return [...entries].sort((a, b) => compareIndexPlaces(query.sort, place(a), place(b))).slice(0, query.limit)
    },
  }),
  'leaves sessions of one moment in the order of their writes': wrong(order, {
    page: (entries, query) =>
      query.sort === 'key'
        ? correct.page(entries, query)
        : [...entries].sort((a, b) => placeOf(b, query.sort).at - placeOf(a, query.sort).at),
  }),
  'skips what has the time of the last session of the page': wrong(moments, {
    page: (entries, query) => {
      const { after, sort } = query
      const rest = after === undefined || sort === 'key' ? entries : entries.filter((entry) => placeOf(entry, sort).at < (after.at ?? 0))
      return correct.page(rest, query)
    },
  }),
  'gives the last session of the page again': wrong(moments, {
    page: (entries, { after, ...query }) => {
      if (after === undefined) return correct.page(entries, query)
      const again = correct.page(entries, { ...query, limit: 1_000 }).filter((entry) => entry.sessionKey >= after.sessionKey)
      return query.sort === 'key' || again.length === 1 ? correct.page(entries, { ...query, after }) : again.slice(0, query.limit + 1)
    },
  }),
  'leaves out sessions without a time': wrong(every, {
    page: (entries, query) =>
      correct.page(query.sort === 'key' ? entries : entries.filter((entry) => entry.updatedAt !== undefined), query),
  }),
  'ignores the limit': wrong(every, { page: (entries, query) => correct.page(entries, { ...query, limit: 1_000 }) }),
  'goes on only from a session that is there': wrong('a page follows a place at which no session is any more', {
    page: (entries, query) => {
      const { after } = query
      const isThere = after === undefined || entries.some((entry) => entry.sessionKey === after.sessionKey)
      return isThere ? correct.page(entries, query) : []
    },
  }),
  'finds the prefix anywhere in a key': wrong(filters, {
    page: (entries, query) =>
      correct.page(
        entries.filter((entry) => entry.sessionKey.includes(query.prefix)),
        { ...query, prefix: '' },
      ),
  }),
  'looks at one filter of several': wrong(filters, {
    page: (entries, { owner, ...query }) =>
      correct.page(entries, owner === undefined || query.label !== undefined ? query : { ...query, owner }),
  }),
  'replaces halves of characters in labels': wrong('a label and an owner are any text, and compared exactly', {
    page: (entries, query) =>
      correct.page(
        entries.map((entry) => ({ ...entry, settings: { ...entry.settings, label: String(entry.settings.label).toWellFormed() } })),
        query.label === undefined ? query : { ...query, label: query.label.toWellFormed() },
      ),
  }),
  'ends text at a NUL': wrong('a preview and settings are any text', {
    encode: (entries) =>
      correct
        .encode(entries)
        .map((entry) => (entry.preview === undefined ? entry : { ...entry, preview: entry.preview.split('\0')[0] ?? '' })),
  }),
  'keeps times as whole numbers of 64 bits': wrong('times are any numbers', {
    encode: (entries) =>
      correct
        .encode(entries)
        .map((entry) =>
          entry.updatedAt === undefined
            ? entry
            : { ...entry, updatedAt: Math.max(-(2 ** 53), Math.min(2 ** 53, Math.trunc(entry.updatedAt))) },
        ),
  }),
  'deletes the first key only': wrong('what was deleted is not there, and the rest is', {
    delete: (tenant, keys) => correct.delete(tenant, keys.slice(0, 1)),
  }),
  'writes in any order': wrong(ordered, {
    queue: () => (Math.random() < 0.5 ? turn() : turn().then(turn).then(turn)),
  }),
  'has one table for all tenants': wrong(tenants, { tenantOf: () => 'all' }),
  'marks all tenants as complete': wrong(tenants, {
    complete: (_, all) => {
      for (const tenant of all) tenant.isComplete = true
    },
  }),
  'clears all tenants': wrong(tenants, {
    clear: (_, all) => {
      for (const tenant of all) correct.clear(tenant, all)
    },
  }),
  'stays complete when it is cleared': wrong(marked, { clear: ({ entries }) => entries.clear() }),
  'keeps the entries when it is cleared': wrong(marked, {
    clear: (tenant) => {
      tenant.isComplete = false
    },
  }),
  'keeps the objects of its caller': wrong(copied, { encode: (entries) => [...entries] }),
  'gives its own objects away': wrong(copied, { copies: (entries) => entries.filter((entry) => entry !== undefined) }),
  'writes what comes before a bad entry': wrong(refused, {
    encode: (entries) =>
      Array.isArray(entries)
        ? entries.flatMap((entry) => {
            try {
              return correct.encode([entry])
            } catch {
              return []
            }
          })
        : correct.encode(entries),
  }),
  'takes any time': wrong(refused, {
    encode: (entries) => correct.encode(entries.map((entry) => (Number.isNaN(entry?.updatedAt) ? { ...entry, updatedAt: 0 } : entry))),
  }),
  'cuts what is too large': wrong('an entry is as large as the store takes', {
    encode: (entries) =>
      correct.encode(entries.map((entry) => (JSON.stringify(entry).length > 60_000_000 ? { ...entry, settings: {} } : entry))),
  }),
  'takes any tenant': wrong(queries, { checksTenant: false, tenantOf: String }),
  'takes any query': wrong(queries, { checkQuery: (query) => ({ prefix: '', ...query }) }),
  'writes a hundred entries of a put': wrong('thousands of entries are put at once, and found', {
    put: (tenant, entries) => correct.put(tenant, entries.length > 600 ? entries.slice(0, 100) : entries),
  }),
  'takes pages after the stop': wrong(stopped, { isStopped: (method) => method !== 'page' }),
  'marks itself as complete after the stop': wrong(stopped, { isStopped: (method) => method !== 'complete' }),
  'loses its last put, and stays complete': {
    caughtBy: reopened,
    rules: {
      reopen: (disk) => {
        correctRules.reopen(disk)
        disk.indices.get('default')?.entries.delete('agent:main:e')
      },
    },
  },
  'is complete for all tenants when it comes back': {
    caughtBy: reopened,
    rules: {
      reopen: (disk) => {
        for (const tenant of disk.indices.values()) tenant.isComplete = true
      },
    },
  },
}
