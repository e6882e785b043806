/** Planted mistakes of stores that read logs page by page. */
import type { LogPage, Store } from '@beamclaw/core'
import type { Around, StoreMistake } from './mistaken-store.ts'
import { correctRules as correct } from './store-rules.ts'

const page = (change: (page: LogPage | undefined) => unknown): Around<Store> => ({
  readLog: async (call, ...args) => change(await call(...args)),
})

const absent = 'a log that is not there has no page, and a look does not make one'
const begins = 'a page begins where it is asked to, and has at most as many records'
const stay = 'records stay readable after a snapshot'
const gone = 'records that a snapshot drops are gone'
const deleted = 'a deleted log has no page'
const refused = 'a page that cannot be is refused'

export const pageMistakes = {
  'gives an empty page for a log that is not there': {
    caughtBy: absent,
    store: page((found) => found ?? { records: [], firstSeq: 1, lastSeq: 0 }),
  },
  'begins each page with the first record': {
    caughtBy: begins,
    rules: { pageOf: (records, _, limit) => correct.pageOf(records, 1, limit) },
  },
  'begins a page one record late': {
    caughtBy: begins,
    rules: { pageOf: (records, fromSeq, limit) => correct.pageOf(records, fromSeq + 1, limit) },
  },
  'gives all records that follow': {
    caughtBy: begins,
    rules: { pageOf: (records, fromSeq) => correct.pageOf(records, fromSeq, records.length) },
  },
  'gives a record less than asked for': {
    caughtBy: begins,
    rules: { pageOf: (records, fromSeq, limit) => correct.pageOf(records, fromSeq, limit - 1) },
  },
  'names the last record of the page as that of the log': {
    caughtBy: begins,
    store: page((found) => found && { ...found, lastSeq: found.records.at(-1)?.seq ?? 0 }),
  },
  'names the first record of the page as that of the log': {
    caughtBy: begins,
    store: page((found) => found && { ...found, firstSeq: found.records[0]?.seq ?? found.firstSeq }),
  },
  'drops the records that a snapshot stands for': { caughtBy: stay, rules: { isDropped: (seq, at) => seq <= at } },
  'drops no records': { caughtBy: gone, rules: { isDropped: () => false } },
  'drops one record less than it should': { caughtBy: gone, rules: { isDropped: (seq, at, isDue) => isDue && seq < at } },
  'drops one record more than it should': { caughtBy: gone, rules: { isDropped: (seq, at, isDue) => isDue && seq <= at + 1 } },
  'begins an empty log with record 1': {
    caughtBy: gone,
    store: page((found) => found && { ...found, firstSeq: found.records[0]?.seq ?? 1 }),
  },
  'gives an empty page for a deleted log': {
    caughtBy: deleted,
    store: page((found) => found ?? { records: [], firstSeq: 1, lastSeq: 0 }),
  },
  'takes any page': {
    caughtBy: refused,
    store: { readLog: (call, key) => call(key) },
  },
  'reads after the stop': { caughtBy: refused, rules: { isStopped: (method) => method !== 'readLog' } },
} as const satisfies Record<string, StoreMistake>
