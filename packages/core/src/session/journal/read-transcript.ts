/** Reads messages of a transcript from the log, page by page and beside the owner of the log. */
import { BeamClawError } from '../../base/errors.ts'
import type { Message } from '../../base/messages.ts'
import type { LogEntry, Store } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import type { EventLoopTurns } from '../run/event-loop-turns.ts'
import { applyRecord } from '../state/apply-record.ts'
import type { TranscriptEntry } from '../state/context.ts'
import type { MessageOrigin } from '../state/message-origin.ts'
import type { MessageSink } from '../state/message-sink.ts'
import { SessionState } from '../state/session-state.ts'
import type { TranscriptRange } from '../state/transcript-index.ts'
import { checkedEntry } from './record-families.ts'

/** Maximum records of a page. */
export const pageRecords = 1_000

/** Where a transcript is read. */
export interface TranscriptSource {
  readonly store: Store
  /** Key of the log. */
  readonly key: StoreKey
  readonly turns: EventLoopTurns
}

/**
 * The messages that the records of a range tell, by the folds of the state itself. Pure.
 *
 * I1: `#entries` are the messages from number `base` on, after the records so far.
 */
export class TranscriptFold implements MessageSink {
  readonly #range: TranscriptRange
  readonly #state = new SessionState(undefined, undefined, { sink: this })
  #entries: TranscriptEntry[] = []

  constructor(range: TranscriptRange) {
    this.#range = range
  }

  /** Applies a record: first those that the range needs, then all of the range, in order. */
  take(record: LogEntry): void {
    applyRecord(this.#state, record)
  }

  /** Returns the messages of the range. Throws `log-corrupt` when the records have not told them. */
  entries(): readonly TranscriptEntry[] {
    const { first, end, base } = this.#range
    const entries = this.#entries.slice(first - base, end - base)
    if (entries.length === end - first) return entries
    throw new BeamClawError(
      'log-corrupt',
      `The journal tells ${entries.length} of the messages ${first} to ${end - 1}; restore the journal from a copy`,
    )
  }

  add(message: Message, origin: MessageOrigin): void {
    this.#entries.push({ message, origin })
  }

  rewind(kept: number): void {
    this.#entries = this.#entries.slice(0, Math.max(0, kept - this.#range.base))
  }

  summarise(): void {}
}

/**
 * Resolves with the messages of a range, whose records must be durable. Rejects with `log-corrupt` when they cannot be read, and as the store does.
 */
export async function readTranscript(source: TranscriptSource, range: TranscriptRange): Promise<readonly TranscriptEntry[]> {
  const fold = new TranscriptFold(range)
  for (const seq of range.needs) fold.take(await readRecord(source, seq))
  for (let next = range.fromSeq; next <= range.toSeq; ) {
    const records = await readRecords(source, next, Math.min(pageRecords, range.toSeq - next + 1))
    for (const record of records) fold.take(record)
    next += records.length
    await source.turns.due()
  }
  return fold.entries()
}

/** Resolves with the text of the summary in a record. Rejects as `readTranscript` does. */
export async function readSummary(source: TranscriptSource, seq: number): Promise<string> {
  const entry = checkedEntry(await readRecord(source, seq))
  if (entry.type === 'history-compact') return entry.summary
  if (entry.type === 'history-import' && entry.context !== undefined) return entry.context.summary
  throw new BeamClawError('log-corrupt', `Record ${seq} (${entry.type}) holds no summary; restore the journal from a copy`)
}

async function readRecord(source: TranscriptSource, seq: number): Promise<LogEntry> {
  const [record] = await readRecords(source, seq, 1)
  return record as LogEntry
}

/** Resolves with records from `fromSeq` on, at least one. */
async function readRecords({ store, key }: TranscriptSource, fromSeq: number, limit: number): Promise<readonly LogEntry[]> {
  const { records = [] } = (await store.readLog(key, { fromSeq, limit })) ?? {}
  if (records[0]?.seq === fromSeq) return records
  throw new BeamClawError(
    'log-corrupt',
    `Record ${fromSeq}, which tells a part of the transcript, is not in the journal any more; newer messages can be read`,
  )
}
