/** Writes a session's entries: `stage` applies them to the state, `flush` writes them together and publishes them once they are durable. */

import type { IdGenerator } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { AgentId } from '../../base/ids.ts'
import { checkJson } from '../../defaults/json-text.ts'
import type { AppendLog, LogEntry } from '../../ports/store.ts'
import { applyEntry } from '../state/apply-record.ts'
import type { SessionState } from '../state/session-state.ts'
import { type JournalEntry, recordData } from './records.ts'
import { isSnapshotDue, type JournalPosition, type SnapshotTime } from './snapshot-due.ts'

export interface JournalWriterOptions {
  readonly log: AppendLog
  readonly state: SessionState
  /** Where the last snapshot is; at 0 when there is none. */
  readonly snapshotAt: JournalPosition
  readonly ids: IdGenerator
  readonly now: () => number
  /** Returns the agent that answers now. An entry belongs to the agent that answered when it was staged. */
  readonly agentId: () => AgentId
  /** Called with each entry once it is durable, in order. */
  readonly onCommitted: (entry: JournalEntry, seq: number, agentId: AgentId) => void
}

interface Staged {
  readonly entry: JournalEntry
  readonly agentId: AgentId
  readonly record: LogEntry
}

export class JournalWriter {
  readonly #options: JournalWriterOptions
  #staged: Staged[] = []
  // Resolves once every entry flushed so far is durable and published.
  #flushed: Promise<void> = Promise.resolve()
  // Writes that are due or in flight.
  #writes = 0
  #isFlushDue = false
  #snapshotAt: JournalPosition
  #isBroken = false
  #refused: JournalEntry | undefined
  readonly #name: string

  constructor(options: JournalWriterOptions) {
    this.#options = options
    this.#snapshotAt = options.snapshotAt
    // Distinguishes the records of this writer from those of another writer at the same position.
    this.#name = options.ids.next().slice(0, 8)
  }

  /** True once the store has refused a write: this writer and its state must be discarded. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** The entry that the store refuses in any attempt, because it is too large or not JSON. Callers that wait for it must be rejected. */
  get refused(): JournalEntry | undefined {
    return this.#refused
  }

  /** True when enough was written since the last snapshot. */
  isSnapshotDue(time: SnapshotTime): boolean {
    return isSnapshotDue(this.#snapshotAt, positionOf(this.#options.state), time)
  }

  /**
   * Stages entries. The state has them at once. Until the next `flush` resolves, they must not be published and no step may start on them. Throws
   * `invalid-message` for an entry of a caller that no store takes, before any entry is in the state: the command is refused, and nothing else.
   */
  stage(...entries: readonly JournalEntry[]): void {
    const { state, now, agentId } = this.#options
    for (const entry of entries) if (ofCallers.has(entry.type)) checkStorable(entry)
    for (const entry of entries) {
      const seq = state.seq + 1
      const ts = now()
      const before = agentId()
      applyEntry(state, entry, seq, ts)
      this.#staged.push({
        entry,
        agentId: before,
        record: { seq, type: entry.type, id: `${this.#name}.${seq}`, ts, data: recordData(entry) },
      })
    }
  }

  /** Resolves once everything staged until the end of this tick is durable and published. Rejects with the store's error; the writer is broken then. */
  flush(): Promise<void> {
    if (this.#staged.length > 0 && !this.#isFlushDue) {
      this.#isFlushDue = true
      this.#flushed = this.#write(this.#writes === 0 && !this.#isBroken ? undefined : this.#flushed)
      // Prevents an unhandled rejection: callers that await the promise still get the failure, and a caller need not await it.
      this.#flushed.catch(() => {})
    }
    return this.#flushed
  }

  /** Stages entries and makes them durable. */
  commit(...entries: readonly JournalEntry[]): Promise<void> {
    this.stage(...entries)
    return this.flush()
  }

  /**
   * Writes a snapshot, with which the next load begins. May be called only while no entry is staged and no run is active. Rejects with the store's error; the
   * writer is broken then, except after a snapshot that is too large: the writer tries that again after as many further records.
   */
  async snapshot(): Promise<void> {
    const { log, state } = this.#options
    // Records may be added while it is written.
    const position = positionOf(state)
    try {
      await log.snapshot({ seq: position.seq, state: JSON.parse(JSON.stringify(state.toSnapshot())) })
    } catch (error) {
      this.#isBroken = !isRefusal(error)
      if (!this.#isBroken) this.#snapshotAt = position
      throw error
    }
    this.#snapshotAt = position
  }

  /** `before` is the write before, unless that is over. */
  async #write(before: Promise<void> | undefined): Promise<void> {
    this.#writes++
    // Entries staged in the same tick belong to the same write.
    await undefined
    this.#isFlushDue = false
    const staged = this.#staged
    this.#staged = []
    try {
      // Several writes may be in flight; their entries are published in the order of their numbers.
      const written = this.#options.log.append(staged.map(({ record }) => record))
      await (before === undefined ? written : Promise.all([before, written]))
    } catch (error) {
      this.#isBroken = true
      if (isRefusal(error)) this.#refused ??= largestOf(staged)
      throw error
    }
    for (const { entry, record, agentId } of staged) this.#options.onCommitted(entry, record.seq, agentId)
    this.#writes--
  }
}

function positionOf({ seq, size }: SessionState): JournalPosition {
  return { seq, bytes: size.journal }
}

/** The entries with values of a caller. The values in entries of a run are those of its model and tools: the store's refusal ends that run. */
const ofCallers: ReadonlySet<JournalEntry['type']> = new Set(['message-in', 'history-import', 'extension'])

/** Throws `invalid-message` for an entry that is not JSON, and for one whose getters or proxies throw. */
function checkStorable(entry: JournalEntry): void {
  try {
    checkJson(recordData(entry))
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw error
    throw new BeamClawError('invalid-message', `Nothing was stored: the value cannot be read: ${describeError(error)}`, { cause: error })
  }
}

/** True when the store refuses the entry itself, so that another attempt cannot succeed. */
function isRefusal(error: unknown): boolean {
  return BeamClawError.isInstance(error, 'document-too-large') || BeamClawError.isInstance(error, 'invalid-message')
}

function largestOf(staged: readonly Staged[]): JournalEntry | undefined {
  const sizes = staged.map(({ entry, record }) => ({ entry, size: JSON.stringify(record.data).length }))
  return sizes.sort((a, b) => b.size - a.size)[0]?.entry
}
