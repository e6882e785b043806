/** One day of a ledger: its saved rows, the rows being saved, and the rows since. */
import { BeamClawError, type Store, type StoreKey } from '@beamclaw/core'
import { decodeDocument, emptyDocument, encodeDocument, type UsageDocument } from './usage-document.ts'
import { addToRows, mergeRows, rowsBeyond, type UsageCounts, type UsageLabels, type UsageRow, type UsageRows } from './usage-rows.ts'

/** Attempts to write a day while other writers write it too. */
const maxConflicts = 8

/** Writers of a day whose last batch number is kept. A writer that has been silent while so many others wrote has its result by now. */
const maxWriters = 64

interface Batch {
  readonly number: number
  readonly rows: UsageRows
}

/** The rows of one day, and how they get into a store. */
export class UsageBook {
  readonly #maxRows: number
  #saved: UsageDocument = emptyDocument
  #batch: Batch | undefined
  #batches = 0
  #pending = new Map<string, UsageRow>()

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  /** True while some rows are not saved. */
  get isDirty(): boolean {
    return this.#batch !== undefined || this.#pending.size > 0
  }

  add(labels: UsageLabels, counts: Partial<UsageCounts>): void {
    addToRows(this.#pending, labels, counts, this.#maxRows)
  }

  /** Returns all rows, saved or not. */
  rows(): UsageRows {
    return mergeRows(this.#unmerged(), this.#pending, this.#maxRows)
  }

  /** Merges the stored rows of the day; returns those that are new to this book. Throws `internal` when the document cannot be read. */
  load(value: Parameters<typeof decodeDocument>[0]): readonly UsageRow[] {
    const document = readable(value)
    const news = rowsBeyond(this.#saved.rows, document.rows)
    this.#saved = document
    return news
  }

  /**
   * Adds the unsaved rows to the stored document, to which other writers add theirs; returns the rows that those added. A write whose result was
   * lost is recognised by its batch number. Calls must not overlap.
   */
  async save(store: Store, key: StoreKey, writer: string): Promise<readonly UsageRow[]> {
    if (this.#batch === undefined) {
      if (this.#pending.size === 0) return []
      this.#batch = { number: ++this.#batches, rows: this.#pending }
      this.#pending = new Map()
    }
    const batch = this.#batch
    for (let conflicts = 0; ; conflicts++) {
      const found = await store.get(key)
      const document = found === undefined ? emptyDocument : readable(found.value)
      const isWritten = (document.writers[writer] ?? 0) >= batch.number
      const next = isWritten ? document : this.#with(document, batch, writer)
      try {
        if (!isWritten) await store.put(key, encodeDocument(next), { expectedVersion: found?.version ?? 0 })
      } catch (error) {
        if (BeamClawError.isInstance(error, 'version-conflict') && conflicts < maxConflicts) continue
        throw error
      }
      const known = this.#unmerged()
      this.#saved = next
      this.#batch = undefined
      return rowsBeyond(known, next.rows)
    }
  }

  #with({ rows, writers }: UsageDocument, batch: Batch, writer: string): UsageDocument {
    const others = Object.entries(writers).filter(([name]) => name !== writer)
    return {
      rows: mergeRows(rows, batch.rows, this.#maxRows),
      writers: Object.fromEntries([...others.slice(1 - maxWriters), [writer, batch.number]]),
    }
  }

  #unmerged(): UsageRows {
    return this.#batch === undefined ? this.#saved.rows : mergeRows(this.#saved.rows, this.#batch.rows, this.#maxRows)
  }
}

function readable(value: Parameters<typeof decodeDocument>[0]): UsageDocument {
  const document = decodeDocument(value)
  if (document === undefined)
    throw new BeamClawError('internal', 'The usage document of the day cannot be read: it is damaged, or a newer version wrote it')
  return document
}
