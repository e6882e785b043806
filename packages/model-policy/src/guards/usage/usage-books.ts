/** The days that a ledger knows, and their way from and to a store. */
import type { Logger, Store, StoreKey } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import { UsageBook } from './usage-book.ts'
import { daysBefore, isSameMonth } from './usage-days.ts'
import type { UsageCounts, UsageLabels, UsageRow, UsageRows } from './usage-rows.ts'

export interface UsageBooksOptions {
  readonly store: Store | undefined
  /** Below which key the days are kept, one document each. */
  readonly storeKey: StoreKey
  readonly daysKept: number
  readonly maxRowsPerDay: number
  /** Names this ledger among the writers of a day. */
  readonly writer: string
  readonly logger: Logger
  /** Returns the day that is now. */
  readonly today: () => string
  /** Called with rows of a day that came from the store: others wrote them, or an earlier process. */
  readonly onNews: (day: string, rows: readonly UsageRow[]) => void
}

/** One book for each day. Loading and saving must not overlap. */
export class UsageBooks {
  readonly #options: UsageBooksOptions
  readonly #books = new Map<string, UsageBook>()

  constructor(options: UsageBooksOptions) {
    this.#options = options
  }

  /** Each day with its rows, saved or not. */
  days(): readonly (readonly [day: string, rows: UsageRows])[] {
    return [...this.#books].map(([day, book]) => [day, book.rows()])
  }

  add(day: string, labels: UsageLabels, counts: UsageCounts): void {
    this.#book(day).add(labels, counts)
  }

  /** Reads the days that are kept. Rejects with what the store rejects, or when a day of this month cannot be read. */
  async load(): Promise<void> {
    const { store, storeKey, logger, today, onNews } = this.#options
    if (store === undefined) return
    const now = today()
    let after: StoreKey = [...storeKey, daysBefore(this.#oldestDay(), 1)]
    for (;;) {
      const keys = await store.list(storeKey, { after })
      for (const key of keys) {
        const day = key.at(-1)
        const found = key.length === storeKey.length + 1 ? await store.get(key) : undefined
        if (found === undefined || day === undefined) continue
        try {
          onNews(day, this.#book(day).load(found.value))
        } catch (error) {
          // What is not in any budget's window must not keep calls from being made.
          if (isSameMonth(day, now)) throw error
          logger.log('error', 'usage.day-unreadable', { day, error: describeError(error) })
        }
      }
      const last = keys.at(-1)
      if (last === undefined) return
      after = last
    }
  }

  /** Saves what is not saved, each day that can be. Rejects with the first failure. */
  async save(): Promise<void> {
    const { store, storeKey, writer, onNews } = this.#options
    if (store === undefined) return
    const failures: unknown[] = []
    for (const [day, book] of this.#books) {
      try {
        onNews(day, await book.save(store, [...storeKey, day], writer))
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  #book(day: string): UsageBook {
    const known = this.#books.get(day)
    if (known !== undefined) return known
    const oldest = this.#oldestDay()
    for (const [other, { isDirty }] of this.#books) {
      // Without a store nothing is ever saved.
      if (other < oldest && (!isDirty || this.#options.store === undefined)) this.#books.delete(other)
    }
    const book = new UsageBook(this.#options.maxRowsPerDay)
    this.#books.set(day, book)
    return book
  }

  #oldestDay(): string {
    return daysBefore(this.#options.today(), this.#options.daysKept - 1)
  }
}
