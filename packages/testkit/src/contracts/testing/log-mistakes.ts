/**
 * Planted mistakes of stores with logs and stopping. Not covered, because no test from outside can tell: a repeated record
 * that is found by its id alone (ids are unique in a log), records dropped before their snapshot is durable (only a crash shows it).
 */
import { type AppendLog, BeamClawError, type JsonValue, type LogContents, type LogEntry } from '@beamclaw/core'
import { type EncodedLogEntry, encodeLogRecords } from '@beamclaw/core/adapter'
import type { Around, StoreMistake, WrongRules } from './mistaken-store.ts'
import { correctRules as correct, type PlainLogState, turn } from './store-rules.ts'

const maxBytes = 64 * 1024 * 1024

/** Encodes some records as the port demands, and takes those that are mended by `change` as they were. */
const mended = (change: (record: LogEntry) => LogEntry): WrongRules => ({
  encodeRecords: (records) =>
    encodeLogRecords(Array.isArray(records) ? records.map((record) => record && change(record)) : records, maxBytes),
})

const readAs = (change: (record: LogEntry) => LogEntry): Around<AppendLog> => ({
  read: async (call, ...args) => {
    const { snapshot, records } = (await call(...args)) as LogContents
    return { snapshot, records: records.map(change) }
  },
})

const content = (change: (content: LogContents) => unknown): Around<AppendLog> => ({
  read: async (call, ...args) => change(await call(...args)),
})

const adding = (change: (fresh: readonly EncodedLogEntry[]) => readonly EncodedLogEntry[]): WrongRules => ({
  addRecords: (state, fresh) => correct.addRecords(state, change(fresh)),
})

/** A handle that is broken, and still does this one thing. */
const stillDoes = (method: 'append' | 'read' | 'snapshot' | 'locate', code: 'fenced' | 'store-stopped'): WrongRules => ({
  isBroken: (asked, error) => asked !== method || error.code !== code,
})

const isCode = (error: unknown, code: string): boolean => (error as BeamClawError).code === code

const isEmpty = 'a new log is empty'
const comesBack = 'records come back as they were, in order'
const gap = 'a gap rejects, changes nothing and does not break the handle'
const again = 'a record that is appended again counts as written'
const window = 'the last 64 records count as written when they are appended again, after an opening, too'
const taken = 'another record with a seq that is taken rejects'
const concurrent = 'concurrent appends keep call order'
const copied = 'records are copied on the way in and on the way out'
const large = 'a large batch is one batch'
const notRecords = 'refuses records that are not records'
const goesOn = 'a handle that refused something goes on as if it had not been asked'
const fromSeq = 'reads from a seq on'
const inTurn = 'reads what was appended before it was called'
const place = 'says where a record is kept, if it knows'
export const logMistakes = {
  'gives null for a snapshot that is not there': {
    caughtBy: isEmpty,
    log: content(({ snapshot, records }) => ({ snapshot: snapshot ?? null, records })),
  },
  'gives no records as nothing': {
    caughtBy: isEmpty,
    log: content(({ snapshot, records }) => ({ snapshot, records: records.length > 0 ? records : undefined })),
  },
  'rejects an empty append': {
    caughtBy: comesBack,
    log: {
      append: (call, records) => (records?.length === 0 ? Promise.reject(new BeamClawError('invalid-message', 'empty')) : call(records)),
    },
  },
  'loses the type of records': { caughtBy: comesBack, log: readAs((record) => ({ ...record, type: 'record' })) },
  'loses the id of records': { caughtBy: comesBack, log: readAs((record) => ({ ...record, id: String(record.seq) })) },
  'keeps times in seconds': { caughtBy: comesBack, log: readAs((record) => ({ ...record, ts: Math.floor(record.ts / 1_000) * 1_000 })) },
  'keeps times as dates': { caughtBy: comesBack, log: readAs((record) => ({ ...record, ts: new Date(record.ts) as never })) },
  'gives seqs as texts': { caughtBy: comesBack, log: readAs((record) => ({ ...record, seq: String(record.seq) as never })) },
  'counts seqs from 0': { caughtBy: comesBack, log: readAs((record) => ({ ...record, seq: record.seq - 1 })) },
  'adds fields of its own to records': { caughtBy: comesBack, log: readAs((record) => ({ ...record, writtenAt: 1 }) as LogEntry) },
  'gives the newest record first': {
    caughtBy: comesBack,
    log: content(({ snapshot, records }) => ({ snapshot, records: records.toReversed() })),
  },
  'writes the last record of a batch only': { caughtBy: again, rules: adding((fresh) => fresh.slice(-1)) },
  'writes the first record of a batch only': { caughtBy: again, rules: adding((fresh) => fresh.slice(0, 1)) },
  'gives a log for a document': {
    caughtBy: 'a log is no document',
    store: { get: async (call, key) => (await call(key)) ?? (key.includes('sessions') ? { value: [], version: 1 } : undefined) },
  },
  'takes a gap': { caughtBy: gap, rules: { fresh: (batch, _, last) => batch.filter(({ seq }) => seq > last) } },
  'breaks its handle over a gap': { caughtBy: gap, rules: { breaks: ({ code }) => code === 'fenced' || code === 'log-gap' } },
  'takes a gap within a batch': {
    caughtBy: gap,
    rules: { encodeRecords: (records) => records.flatMap((record) => encodeLogRecords([record], maxBytes)) },
  },
  'writes what comes before a gap within a batch': {
    caughtBy: gap,
    rules: {
      encodeRecords: (records) => {
        const end = records.findIndex(({ seq }, index) => seq !== (records[0]?.seq ?? 0) + index)
        return encodeLogRecords(end < 0 ? records : records.slice(0, end), maxBytes)
      },
    },
  },
  'numbers records itself': {
    caughtBy: gap,
    rules: { fresh: (batch, _, last) => batch.map((record, index) => ({ ...record, seq: last + index + 1 })) },
  },
  'rejects a gap as store-io': {
    caughtBy: gap,
    log: {
      append: (call, records) =>
        call(records).catch((error: unknown) => Promise.reject(isCode(error, 'log-gap') ? new BeamClawError('store-io', 'gap') : error)),
    },
  },
  'rejects a repeated record': {
    caughtBy: again,
    rules: { fresh: (batch, state, last) => correct.fresh(batch, { ...state, records: [] }, last) },
  },
  'writes a repeated record twice': {
    caughtBy: again,
    rules: { fresh: (batch, state, last) => correct.fresh(batch, state, last) && batch },
  },
  'leaves out a batch that begins with a repeated record': {
    caughtBy: again,
    rules: { fresh: (batch, state, last) => ((batch[0]?.seq ?? 0) <= last ? [] : correct.fresh(batch, state, last)) },
  },
  'remembers the last record only': { caughtBy: again, rules: remembering(1) },
  'remembers 63 records': { caughtBy: window, rules: remembering(63) },
  'remembers 32 records': { caughtBy: window, rules: remembering(32) },
  'remembers no record of the owner before': {
    caughtBy: window,
    rules: {
      onOpened: (state) => {
        state.records = state.records.map((record) => ({ ...record, isOld: true }))
      },
      fresh: (batch, state, last) =>
        correct.fresh(batch, { ...state, records: state.records.filter((record) => !('isOld' in record)) }, last),
    },
  },
  'writes old records again as new ones': {
    caughtBy: window,
    rules: {
      fresh: (batch, state, last) =>
        (batch[0]?.seq ?? 0) <= last - 64 ? batch.map((record) => ({ ...record, seq: record.seq })) : correct.fresh(batch, state, last),
    },
  },
  'takes any record whose seq is there for written': { caughtBy: taken, rules: { fresh: (batch, _, last) => seqOnly(batch, last) } },
  'writes another record over the one that is there': {
    caughtBy: taken,
    rules: {
      fresh: (batch, _, last) => ((batch[0]?.seq ?? 0) > last + 1 ? correct.fresh(batch, emptyState, last) : batch),
      addRecords: (state, fresh) => {
        const seqs = new Set(fresh.map(({ seq }) => seq))
        state.records = [...state.records.filter(({ seq }) => !seqs.has(seq)), ...fresh].sort((a, b) => a.seq - b.seq)
      },
    },
  },
  'writes concurrent appends in any order': {
    caughtBy: concurrent,
    rules: { logQueue: (done, method) => (method === 'append' ? new Promise((resolve) => setTimeout(resolve, Math.random() * 8)) : done) },
  },
  'acknowledges concurrent appends in any order': {
    caughtBy: concurrent,
    log: {
      async append(call, records) {
        await call(records)
        if ((records[0]?.seq ?? 0) % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 5))
      },
    },
  },
  'keeps the very records that were handed over': {
    caughtBy: copied,
    rules: {
      encodeRecords: (records) =>
        encodeLogRecords(records, maxBytes).map((record, index) => ({ ...record, json: records[index]?.data as never })),
      decode: (value) => (typeof value === 'string' ? correct.decode(value) : (value as JsonValue)),
    },
  },
  'copies records when it writes, and not when it is called': {
    caughtBy: copied,
    log: {
      async append(call, records) {
        await turn()
        await call(records)
      },
    },
  },
  'gives the same data to every reader': { caughtBy: copied, rules: { decode: remembered() } },
  'keeps logs by their last name': {
    caughtBy: 'many logs at once do not mix',
    rules: { nameOf: (key) => JSON.stringify(key.slice(-1)) },
  },
  'writes 1000 records of a batch': { caughtBy: large, rules: adding((fresh) => fresh.slice(0, 1_000)) },
  'writes 16384 records of a batch': { caughtBy: large, rules: adding((fresh) => fresh.slice(0, 16_384)) },
  'reads 10000 records at most': {
    caughtBy: large,
    log: content(({ snapshot, records }) => ({ snapshot, records: records.slice(0, 10_000) })),
  },
  'refuses large batches': {
    caughtBy: large,
    log: {
      append: (call, records) =>
        records?.length > 5_000 ? Promise.reject(new BeamClawError('document-too-large', 'batch')) : call(records),
    },
  },
  'takes a text for records': {
    caughtBy: notRecords,
    log: { append: (call, records) => (typeof records === 'string' ? Promise.resolve() : call(records)) },
  },
  'takes nothing for records': { caughtBy: notRecords, log: { append: (call, records) => call(records ?? []) } },
  'throws a TypeError for a record that is null': {
    caughtBy: notRecords,
    rules: {
      encodeRecords: (records) =>
        encodeLogRecords(
          Array.isArray(records) ? records.map(({ ...record }) => ({ ...record, seq: record.seq.valueOf() })) : records,
          maxBytes,
        ),
    },
  },
  'takes a seq of 0': { caughtBy: notRecords, rules: mended((record) => (record.seq === 0 ? { ...record, seq: 1 } : record)) },
  'rounds a seq': { caughtBy: notRecords, rules: mended((record) => ({ ...record, seq: Math.round(record.seq) })) },
  'takes a record without an id': { caughtBy: notRecords, rules: mended((record) => ({ ...record, id: record.id ?? '' })) },
  'takes a type that is no text': { caughtBy: notRecords, rules: mended((record) => ({ ...record, type: String(record.type) })) },
  'takes a time that is no number': { caughtBy: notRecords, rules: mended((record) => ({ ...record, ts: record.ts || 0 })) },
  'takes an array for the data of a record': {
    caughtBy: notRecords,
    rules: mended((record) => (Array.isArray(record.data) ? { ...record, data: {} } : record)),
  },
  'takes null for the data of a record': { caughtBy: notRecords, rules: mended((record) => ({ ...record, data: record.data ?? {} })) },
  'writes the good records before a bad one': {
    caughtBy: notRecords,
    rules: {
      encodeRecords: (records) => {
        if (Array.isArray(records) && records.length > 1) return encodeLogRecords(records.slice(0, 1), maxBytes)
        return correct.encodeRecords(records)
      },
    },
  },
  'breaks its handle over what is not JSON': {
    caughtBy: goesOn,
    rules: { breaks: ({ code }) => code === 'fenced' || code === 'invalid-message' },
  },
  'breaks its handle over a bad option': {
    caughtBy: goesOn,
    rules: { breaks: ({ code }) => code === 'fenced' || code === 'invalid-option' },
  },
  'counts records that it refused': {
    caughtBy: 'what counted on something that was refused is refused too',
    rules: { fresh: (batch, state, last) => (last === 0 && batch[0]?.seq === 2 ? batch : correct.fresh(batch, state, last)) },
  },
  'ignores from where it is to read': { caughtBy: fromSeq, rules: { isRead: () => true } },
  'reads after the seq and not from it': { caughtBy: fromSeq, rules: { isRead: (seq, from) => seq > from } },
  'takes a seq to read from for an index': {
    caughtBy: 'reads from a seq on after a snapshot, too',
    rules: { isRead: (_, from, index) => index >= from - 1 },
  },
  'leaves the snapshot out of a read from a seq on': {
    caughtBy: 'reads from a seq on after a snapshot, too',
    log: {
      read: async (call, from) => ({ ...((await call(from)) as LogContents), ...(from === undefined ? {} : { snapshot: undefined }) }),
    },
  },
  'refuses to read from 0': {
    caughtBy: fromSeq,
    rules: { checkWhole: (name, value, minimum) => correct.checkWhole(name, value, Math.max(minimum, name === 'fromSeq' ? 1 : 0)) },
  },
  'takes NaN for a seq to read from': { caughtBy: fromSeq, rules: { checkWhole: () => {} } },
  'reads without waiting for the appends before': {
    caughtBy: inTurn,
    rules: { logQueue: (done, method) => (method === 'read' ? Promise.resolve() : done) },
  },
  'reads what was appended after it was called': {
    caughtBy: inTurn,
    rules: {
      logQueue: (done, method) =>
        method === 'read' ? done.then(() => new Promise((resolve) => setTimeout(resolve, 10))) : done.then(turn),
    },
    log: {
      read: async (call, from) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return await call(from)
      },
    },
  },
  'reads records that are not durable yet': {
    caughtBy: 'a read shows nothing that is not durable',
    rules: {
      logQueue: (done, method) => (method === 'read' ? Promise.resolve() : done),
      write: async (apply) => {
        apply()
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    },
  },
  'gives every record the same place': {
    caughtBy: place,
    log: { locate: async (call, seq) => (await call(seq)) && { file: 'log', offset: 0 } },
  },
  'gives a place for records that are not there': {
    caughtBy: place,
    log: { locate: async (call, seq) => (await call(seq)) ?? { file: 'log', offset: seq } },
  },
  'rejects the place of a record that is not there': {
    caughtBy: place,
    log: { locate: async (call, seq) => (await call(seq)) ?? Promise.reject(new BeamClawError('store-io', 'none')) },
  },
  'gives places without an offset': { caughtBy: place, log: { locate: async (call, seq) => (await call(seq)) && { file: `log-${seq}` } } },
  'lets an old handle locate': { caughtBy: place, rules: stillDoes('locate', 'fenced') },
} as const satisfies Readonly<Record<string, StoreMistake>>

const emptyState: PlainLogState = { token: { epoch: 0, nonce: '' }, owner: undefined, records: [], snapshot: undefined, before: undefined }

function remembering(count: number): WrongRules {
  return { fresh: (batch, state, last) => correct.fresh(batch, { ...state, records: state.records.slice(-count) }, last) }
}

function seqOnly(batch: readonly EncodedLogEntry[], last: number): readonly EncodedLogEntry[] {
  if ((batch[0]?.seq ?? 0) > last + 1) throw new BeamClawError('log-gap', 'gap')
  return batch.filter(({ seq }) => seq > last)
}

/** A decoder that gives the same object for the same text. */
function remembered(): (kept: unknown) => JsonValue {
  const known = new Map<unknown, JsonValue>()
  return (kept) => {
    const value = known.get(kept) ?? correct.decode(kept)
    known.set(kept, value)
    return value
  }
}
