/** Planted mistakes of stores with snapshots, deletions and stopping. */
import type { AppendLog, BeamClawError, JsonValue, LogContents } from '@beamclaw/core'
import type { Around, StoreMistake, WrongRules } from './mistaken-store.ts'
import { correctRules as correct, type PlainEntry, type PlainLogState, refusal } from './store-rules.ts'

const content = (change: (content: LogContents) => unknown): Around<AppendLog> => ({
  read: async (call, ...args) => change(await call(...args)),
})

const reopening = (change: (entry: PlainEntry & { log: PlainLogState }) => void): WrongRules => ({
  reopen: ({ entries }) => {
    for (const entry of entries.values()) change(entry as PlainEntry & { log: PlainLogState })
  },
})

/** A handle that is broken, and still does this one thing. */
const stillDoes = (method: 'append' | 'read' | 'snapshot' | 'locate', code: 'fenced' | 'store-stopped'): WrongRules => ({
  isBroken: (asked, error) => asked !== method || error.code !== code,
})

const isCode = (error: unknown, code: string): boolean => (error as BeamClawError).code === code

const inTurn = 'reads what was appended before it was called'
const replaces = 'a snapshot stands for the records up to its seq'
const rounds = 'a log goes on after its snapshot, again and again'
const range = 'a snapshot of records that do not exist, or are gone, rejects'
const snapshotCopied = 'a snapshot is copied, and must be JSON'
const replaced = 'a record that a snapshot dropped is a log-gap when it is appended again'
const deletes = 'deleting a log fences its handles and empties it'
const together = 'a document and a log of the same key go together, those below stay'
const ownerDeletes = 'the owner of a log deletes it, and nothing beside or below it'
const deletedOnce = 'a log that was deleted is not listed, and is deleted once'
const notByEarlier = 'a log is not deleted by an earlier owner'
const outlive = 'documents, logs, snapshots and tokens outlive the store'
const deletedForGood = 'what was deleted is gone after the store was opened again, too'
const stopped = 'a store that was stopped refuses everything'
const before = 'what was called before the stop finishes'
const closed = 'a handle that was closed refuses everything, and closes again'

export const lifeMistakes = {
  'deletes the document of a log with it': {
    caughtBy: ownerDeletes,
    rules: { removeLog: ({ entries }, name) => void entries.delete(name) },
  },
  'deletes no log': { caughtBy: ownerDeletes, rules: { removeLog: () => {} } },
  'says of every log that it was deleted': {
    caughtBy: deletedOnce,
    store: { deleteLog: (call, ...args) => call(...args).then(() => true) },
  },
  'goes on listing a log that was deleted': {
    caughtBy: deletedOnce,
    rules: {
      isListed: () => true,
      removeLog: (_, __, entry) => {
        entry.log = undefined
      },
    },
  },
  'deletes the log of a later owner': { caughtBy: notByEarlier, rules: { mayDelete: () => true } },
  'keeps the records that a snapshot replaced': { caughtBy: replaces, rules: { isReplaced: () => false } },
  'keeps the last record that a snapshot replaced': { caughtBy: replaces, rules: { isReplaced: (seq, at) => seq < at } },
  'drops one record more than a snapshot replaced': { caughtBy: replaces, rules: { isReplaced: (seq, at) => seq <= at + 1 } },
  'drops every record at a snapshot': { caughtBy: replaces, rules: { isReplaced: () => true } },
  'drops the records and keeps no snapshot': { caughtBy: replaces, log: content(({ records }) => ({ snapshot: undefined, records })) },
  'gives the state of a snapshot as text': {
    caughtBy: replaces,
    log: content(({ snapshot, records }) => ({
      snapshot: snapshot && { seq: snapshot.seq, state: JSON.stringify(snapshot.state) },
      records,
    })),
  },
  'names the seq after a snapshot': {
    caughtBy: replaces,
    log: content(({ snapshot, records }) => ({ snapshot: snapshot && { ...snapshot, seq: snapshot.seq + 1 }, records })),
  },
  'loses the snapshot when the log is opened again': {
    caughtBy: replaces,
    rules: {
      onOpened: (state) => {
        state.snapshot = undefined
      },
    },
  },
  'starts at 1 again after a snapshot of everything': {
    caughtBy: 'records that a snapshot drops are gone',
    rules: { lastSeq: ({ records }) => records.at(-1)?.seq ?? 0 },
  },
  'keeps the first snapshot for ever': {
    caughtBy: rounds,
    log: { snapshot: (call, snapshot) => call(snapshot.seq > 10 ? { ...snapshot, state: { round: 0 } } : snapshot) },
  },
  'takes a snapshot after the last record': {
    caughtBy: range,
    rules: { checkSnapshot: (seq, oldest) => correct.checkSnapshot(seq, oldest, 1_000_000) },
  },
  'takes a snapshot before the last one': {
    caughtBy: range,
    rules: { checkSnapshot: (seq, _, newest) => correct.checkSnapshot(seq, 0, newest) },
  },
  'refuses a second snapshot of the same seq': {
    caughtBy: range,
    rules: { checkSnapshot: (seq, oldest, newest) => correct.checkSnapshot(seq, oldest === 0 ? 0 : oldest + 1, newest) },
  },
  'ignores a snapshot that it cannot take': {
    caughtBy: range,
    log: {
      snapshot: (call, snapshot) =>
        call(snapshot).catch((error: unknown) => (isCode(error, 'log-gap') ? undefined : Promise.reject(error))),
    },
  },
  'breaks its handle over a snapshot that it cannot take': { caughtBy: range, rules: { breaks: ({ code }) => code !== 'invalid-message' } },
  'takes a snapshot without waiting for the appends before': {
    caughtBy: 'appends and snapshots at once keep call order',
    rules: { logQueue: (done, method) => (method === 'snapshot' ? Promise.resolve() : done) },
  },
  'keeps the very state that was handed over': {
    caughtBy: snapshotCopied,
    rules: {
      encode: checked,
      decode: (value) => (typeof value === 'string' ? correct.decode(value) : (value as JsonValue)),
    },
  },
  'takes a snapshot of nothing': { caughtBy: snapshotCopied, rules: { encode: (value) => correct.encode(value ?? null) } },
  'writes a record again that a snapshot replaced': {
    caughtBy: replaced,
    rules: {
      fresh: (batch, state, last) => ((batch[0]?.seq ?? 0) <= (state.snapshot?.seq ?? 0) ? batch : correct.fresh(batch, state, last)),
    },
  },
  'takes any record that a snapshot replaced for written': {
    caughtBy: replaced,
    rules: {
      fresh: (batch, state, last) =>
        correct.fresh(
          batch.filter(({ seq }) => seq > (state.snapshot?.seq ?? 0)),
          state,
          last,
        ),
    },
  },
  'remembers no record after a snapshot': {
    caughtBy: replaced,
    rules: { fresh: (batch, state, last) => correct.fresh(batch, state.snapshot === undefined ? state : { ...state, records: [] }, last) },
  },
  'lets the handles of a deleted log live': { caughtBy: deletes, rules: { fenceDeleted: () => {} } },
  'names an epoch to the handles of a deleted log': {
    caughtBy: deletes,
    rules: { fenceDeleted: (log) => log.fence(refusal('fenced', 'deleted', 7)) },
  },
  'stops the handles of a deleted log': {
    caughtBy: deletes,
    rules: { fenceDeleted: (log) => log.refuse(refusal('store-stopped', 'deleted')) },
  },
  'keeps the records of a deleted log': { caughtBy: deletes, rules: resurrecting(({ records }) => ({ records })) },
  'keeps the snapshot of a deleted log': { caughtBy: deletes, rules: resurrecting(({ snapshot }) => ({ snapshot })) },
  'keeps the epoch of a deleted log': { caughtBy: deletes, rules: resurrecting(({ token }) => ({ token })) },
  'says that there was nothing when it deletes a log': {
    caughtBy: deletes,
    store: { delete: async (call, key, rest) => ((await call(key, rest)) as boolean) && !key.includes('main') },
  },
  'deletes the document and leaves the log': {
    caughtBy: deletes,
    rules: { remove: (_, _name, entry) => Object.assign(entry, { document: undefined }) },
  },
  'deletes the log and leaves the document': {
    caughtBy: together,
    rules: { remove: (_, _name, entry) => Object.assign(entry, { log: undefined }) },
  },
  'deletes what is below a key, too': {
    caughtBy: together,
    rules: {
      remove: ({ entries }, name, { key }) => {
        entries.delete(name)
        for (const [other, entry] of entries) if (correct.isBelow(entry.key, key)) entries.delete(other)
      },
    },
  },
  'fences a log whose delete it refuses': {
    caughtBy: together,
    rules: {
      isExpected: (expected, current, entry) => {
        if (expected !== current) entry?.log?.owner?.fence(refusal('fenced', 'deleted'))
        return expected === current
      },
    },
  },
  'loses documents when it is opened again': {
    caughtBy: outlive,
    rules: reopening((entry) => Object.assign(entry, { document: undefined })),
  },
  'starts versions again when it is opened again': {
    caughtBy: outlive,
    rules: reopening(({ document }) => document && Object.assign(document, { version: 1 })),
  },
  'loses logs when it is opened again': { caughtBy: outlive, rules: reopening((entry) => Object.assign(entry, { log: undefined })) },
  'loses epochs when it is opened again': {
    caughtBy: outlive,
    rules: reopening(({ log }) => log && Object.assign(log, { token: { epoch: 0, nonce: '' } })),
  },
  'loses snapshots when it is opened again': {
    caughtBy: outlive,
    rules: reopening(({ log }) => log && Object.assign(log, { snapshot: undefined })),
  },
  'loses compactions when it is opened again': {
    caughtBy: outlive,
    rules: reopening(({ log }) => log?.before && Object.assign(log, log.before)),
  },
  'loses the last record when it is opened again': { caughtBy: outlive, rules: reopening(({ log }) => log?.records.pop()) },
  'loses deletions of documents when it is opened again': {
    caughtBy: deletedForGood,
    rules: {
      reopen: ({ entries, deleted }) => {
        for (const [name, entry] of deleted) if (entry.document) entries.set(name, { ...entry, log: undefined })
      },
    },
  },
  'loses deletions of logs when it is opened again': {
    caughtBy: deletedForGood,
    rules: {
      reopen: ({ entries, deleted }) => {
        for (const [name, entry] of deleted) if (entry.log) entries.set(name, entry)
      },
    },
  },
  'loses appends under way when it stops, and acknowledges them': {
    caughtBy: 'an append under way when the store stops is there afterwards if it was acknowledged',
    rules: reopening(({ log }) => log?.records.splice(-3)),
  },
  'gets after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'get' } },
  'puts after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'put' } },
  'deletes after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'delete' } },
  'lists after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'list' } },
  'opens logs after the stop': { caughtBy: stopped, rules: { isStopped: (method) => method !== 'openLog' } },
  'appends after the stop': { caughtBy: stopped, rules: stillDoes('append', 'store-stopped') },
  'reads after the stop': { caughtBy: stopped, rules: stillDoes('read', 'store-stopped') },
  'compacts after the stop': { caughtBy: stopped, rules: stillDoes('snapshot', 'store-stopped') },
  'rejects a second stop': { caughtBy: stopped, store: { stop: once() } },
  'rejects the close of a handle after the stop': {
    caughtBy: stopped,
    rules: { drain: () => Promise.reject(refusal('store-stopped', 'stopped')) },
  },
  'rejects the stop of a store that was never used': {
    caughtBy: 'stopping a store that was never used resolves',
    store: { stop: () => Promise.reject(refusal('store-stopped', 'never used')) },
  },
  'rejects what was called before the stop': { caughtBy: before, rules: { isLate: () => true } },
  'resolves its stop before the calls of before are done': { caughtBy: before, rules: { finish: () => Promise.resolve() } },
  'rejects a second close': { caughtBy: closed, log: { close: once() } },
  'appends after the close': { caughtBy: closed, rules: stillDoes('append', 'store-stopped') },
  'reads after the close': { caughtBy: closed, rules: stillDoes('read', 'store-stopped') },
  'compacts after the close': { caughtBy: closed, rules: stillDoes('snapshot', 'store-stopped') },
  'drops appends under way at the close': { caughtBy: closed, rules: { isLate: () => true, drain: () => Promise.resolve() } },
  'resolves its close before its appends are done': { caughtBy: closed, rules: { drain: () => Promise.resolve() } },
  'never settles a call': { caughtBy: inTurn, log: { read: () => new Promise(() => {}) } },
} as const satisfies Readonly<Record<string, StoreMistake>>

const emptyState: PlainLogState = { token: { epoch: 0, nonce: '' }, owner: undefined, records: [], snapshot: undefined, before: undefined }

/** The value itself, once it is known to be JSON. */
function checked(value: unknown): unknown {
  correct.encode(value)
  return value
}

/** A log that is opened after its deletion still has a part of what it had. */
function resurrecting(part: (state: PlainLogState) => Partial<PlainLogState>): WrongRules {
  return {
    remove: (_, _name, entry) => {
      const kept = { ...emptyState, ...part(entry.log ?? emptyState) }
      Object.assign(entry, { document: undefined, log: entry.log && kept, isHidden: true })
    },
    isListed: (entry) => !('isHidden' in entry),
  }
}

function once(): (call: () => Promise<never>) => unknown {
  const calls = new WeakSet<object>()
  let count = 0
  return async (call) => {
    if (!calls.has(call) && count++ > 0) throw refusal('store-stopped', 'again')
    await call()
  }
}
