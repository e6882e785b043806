/** Makes facts durable, then true, then known: in that order, and in the order they were stated. */
import type { IdGenerator } from '../ports/ambient.ts'
import type { Log, LogRecord } from '../ports/store.ts'
import { type JournalEntry, recordData } from './journal.ts'
import type { SessionState } from './session-state.ts'

export interface JournalWriterOptions {
  readonly log: Log
  readonly state: SessionState
  readonly ids: IdGenerator
  readonly now: () => number
  /** Hears of each record once it is durable and the state has taken it in. */
  readonly onCommitted: (record: LogRecord) => void
}

export class JournalWriter {
  readonly #options: JournalWriterOptions
  #nextSeq: number
  #last: Promise<void> = Promise.resolve()
  #recordsSinceSnapshot = 0
  #isBroken = false
  readonly #name: string

  constructor(options: JournalWriterOptions) {
    this.#options = options
    // Tells this writer's records from those of another one at the same place.
    this.#name = options.ids.next().slice(0, 8)
    this.#nextSeq = options.state.seq + 1
  }

  /** True once the store has refused a write: this writer is of no use any more. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Records since the last snapshot that this writer knows of. */
  get recordsSinceSnapshot(): number {
    return this.#recordsSinceSnapshot
  }

  /** Resolves when all entries are durable and folded. Rejects with the store's error; the writer is of no use afterwards. */
  async commit(...entries: readonly JournalEntry[]): Promise<void> {
    const { log, state, now, onCommitted } = this.#options
    const ts = now()
    const records = entries.map((entry) => {
      const seq = this.#nextSeq++
      return { seq, type: entry.type, id: `${this.#name}.${seq}`, ts, data: recordData(entry) }
    })
    const written = log.append(records)
    const before = this.#last
    const folded = written.then(async () => {
      // Several commits may be under way; their records are folded in the order of their numbers.
      await before
      for (const record of records) {
        state.apply(record)
        onCommitted(record)
      }
      this.#recordsSinceSnapshot += records.length
    })
    this.#last = folded.catch(() => {
      this.#isBroken = true
    })
    await folded
  }

  /** Lets a snapshot take the place of the records so far. Only while no commit is under way and no run either. */
  async compact(): Promise<void> {
    const { log, state } = this.#options
    try {
      await log.compact({ seq: state.seq, state: JSON.parse(JSON.stringify(state.toSnapshot())) })
    } catch (error) {
      this.#isBroken = true
      throw error
    }
    this.#recordsSinceSnapshot = 0
  }
}
