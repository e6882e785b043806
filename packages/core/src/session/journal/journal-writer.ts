/** Keeps the state ahead of the log by as little as possible: facts are staged, written together, and told once they are durable. */

import { BeamClawError } from '../../base/errors.ts'
import type { AgentId } from '../../base/ids.ts'
import type { IdGenerator } from '../../ports/services.ts'
import type { AppendLog, LogEntry } from '../../ports/store.ts'
import { applyEntry } from '../state/apply-record.ts'
import type { SessionState } from '../state/session-state.ts'
import { type JournalEntry, recordData } from './records.ts'

export interface JournalWriterOptions {
  readonly log: AppendLog
  readonly state: SessionState
  readonly ids: IdGenerator
  readonly now: () => number
  /** The agent that answers now: an entry is of the one that answered when it was stated. */
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
  // Resolves once everything that was flushed so far is durable and told.
  #flushed: Promise<void> = Promise.resolve()
  #isFlushDue = false
  #recordsSinceSnapshot = 0
  #isBroken = false
  #refused: JournalEntry | undefined
  readonly #name: string

  constructor(options: JournalWriterOptions) {
    this.#options = options
    // Tells this writer's records from those of another one at the same place.
    this.#name = options.ids.next().slice(0, 8)
  }

  /** True once the store has refused a write: this writer and its state are of no use any more. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** The entry that the store takes from nobody: it is too large, or no JSON. What waits for it would wait for ever. */
  get refused(): JournalEntry | undefined {
    return this.#refused
  }

  /** Records since the last snapshot that this writer knows of. */
  get recordsSinceSnapshot(): number {
    return this.#recordsSinceSnapshot
  }

  /** States facts. The state has them at once; nobody outside may be told, and nothing may be begun, before the next `flush` resolves. */
  stage(...entries: readonly JournalEntry[]): void {
    const { state, now, agentId } = this.#options
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

  /** Resolves when everything stated until the end of this tick is durable and told. Rejects with the store's error; the writer is then broken. */
  flush(): Promise<void> {
    if (this.#staged.length > 0 && !this.#isFlushDue) {
      this.#isFlushDue = true
      this.#flushed = this.#write(this.#flushed)
      // Those who wait for it hear of a failure; nobody has to.
      this.#flushed.catch(() => {})
    }
    return this.#flushed
  }

  /** States facts and makes them durable. */
  commit(...entries: readonly JournalEntry[]): Promise<void> {
    this.stage(...entries)
    return this.flush()
  }

  /**
   * Lets a snapshot take the place of the records so far. Only while nothing is staged and no run is under way. Rejects with the store's error; the
   * writer is then broken, but for a snapshot that is too large: that is tried again after as many records.
   */
  async compact(): Promise<void> {
    const { log, state } = this.#options
    try {
      await log.compact({ seq: state.seq, state: JSON.parse(JSON.stringify(state.toSnapshot())) })
    } catch (error) {
      this.#isBroken = !isRefusal(error)
      if (!this.#isBroken) this.#recordsSinceSnapshot = 0
      throw error
    }
    this.#recordsSinceSnapshot = 0
  }

  async #write(before: Promise<void>): Promise<void> {
    // What is stated in the same tick belongs in the same write.
    await undefined
    this.#isFlushDue = false
    const staged = this.#staged
    this.#staged = []
    try {
      // Several writes may be under way; they are told of in the order of their numbers.
      await Promise.all([before, this.#options.log.append(staged.map(({ record }) => record))])
    } catch (error) {
      this.#isBroken = true
      if (isRefusal(error)) this.#refused ??= largestOf(staged)
      throw error
    }
    this.#recordsSinceSnapshot += staged.length
    for (const { entry, record, agentId } of staged) this.#options.onCommitted(entry, record.seq, agentId)
  }
}

/** True for what the store refuses for what it is, so that another try would only repeat it. */
function isRefusal(error: unknown): boolean {
  return BeamClawError.isInstance(error, 'document-too-large') || BeamClawError.isInstance(error, 'invalid-message')
}

function largestOf(staged: readonly Staged[]): JournalEntry | undefined {
  const sizes = staged.map(({ entry, record }) => ({ entry, size: JSON.stringify(record.data).length }))
  return sizes.sort((a, b) => b.size - a.size)[0]?.entry
}
