/** The days of a ledger, and how they are loaded and saved. */
import type { Logger, Store, StoreKey } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import { UsageBook } from './usage-book.ts'
import { daysBefore, isSameMonth } from './usage-days.ts'
import type { UsageCounts, UsageLabels, UsageRow, UsageRows } from './usage-rows.ts'

export interface UsageBooksOptions {
  readonly store: Store | undefined
  /** Key prefix of the days, one document each. */
  readonly storeKey: StoreKey
  readonly daysKept: number
  readonly maxRowsPerDay: number
  /** Identifies this ledger among the writers of a day. */
  readonly writer: string
  readonly logger: Logger
  /** Returns today. */
  readonly today: () => string
  /** Called with rows of a day that came from the store: other writers added them, or an earlier process. */
  readonly onNews: (day: string, rows: readonly UsageRow[]) => void
}

/** One book for each day. Loading and saving must not overlap. */
export class UsageBooks {
  readonly #options: UsageBooksOptions
  readonly #books = new Map<string, UsageBook>()

  constructor(options: UsageBooksOptions) {
    this.#options = options
  }

  /** Returns each day with its rows, saved or not. */
  days(): readonly (readonly [day: string, rows: UsageRows])[] {
    return [...this.#books].map(([day, book]) => [day, book.rows()])
  }

  add(day: string, labels: UsageLabels, counts: UsageCounts): void {
    this.#book(day).add(labels, counts)
  }

  /** Loads the stored days. Rejects with the store's error, or when a day of this month cannot be read. */
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
          // A damaged day outside every budget's window must not block calls.
          if (isSameMonth(day, now)) throw error
          logger.log('error', 'usage.day-unreadable', { day, error: describeError(error) })
        }
      }
      const last = keys.at(-1)
      if (last === undefined) return
      after = last
    }
  }

  /** Saves the unsaved rows of every day that can be saved. Rejects with the first failure. */
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
      // Without a store nothing is saved.
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
