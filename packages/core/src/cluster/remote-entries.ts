/** The entries of one other node, as this one knows them. */
import type { JsonValue } from '../base/messages.ts'
import { type EntriesTell, maxEntries, type PortableEntry, readEntriesPage } from './entry-messages.ts'

/** What a `RemoteEntries` needs. */
export interface RemoteEntriesOptions<TEntry> {
  /** Resolves with the page of entries after the one with this id. */
  readonly ask: (after: number) => Promise<JsonValue>
  readonly make: (entry: PortableEntry) => TEntry
  readonly onChange: (entry: TEntry, isAdded: boolean) => void
}

/** Maximum tells that wait while the entries are read, and readings in a row. */
const maxWaiting = 1_000
const maxReadings = 3

/** Maximum pages of one reading: many more than the entries of a node need. */
const mostPages = 2_000

/**
 * Follows the changes of one life of a node by their numbers, and reads all of its entries after a gap.
 *
 * Phases: `following ⇄ reading → ended`. While it reads, what it had stays, and what is told waits.
 * I1: The entries are those of the node after its change number `head`; after a reading they may have later changes in them, which is no harm: an id is
 * given once, so that a change that is applied twice changes nothing.
 * I2: A failed reading changes nothing. What was told meanwhile and shows a gap, or the next tell or digest that does, tries again.
 */
export class RemoteEntries<TEntry> {
  readonly #options: RemoteEntriesOptions<TEntry>
  #entries = new Map<number, TEntry>()
  #head = 0
  /** Undefined unless it reads. */
  #waiting: EntriesTell[] | undefined
  #isEnded = false

  constructor(options: RemoteEntriesOptions<TEntry>) {
    this.#options = options
  }

  take(told: EntriesTell): void {
    if (this.#waiting !== undefined) {
      if (this.#waiting.length < maxWaiting) this.#waiting.push(told)
    } else if (!this.#apply(told)) void this.read()
  }

  /** Reads all entries, unless it does so already. Never rejects. */
  async read(): Promise<void> {
    if (this.#waiting !== undefined || this.#isEnded) return
    this.#waiting = []
    for (let reading = 0; reading < maxReadings; reading++) {
      await this.#readOnce()
      if (this.#isEnded) return
      const waiting: readonly EntriesTell[] = this.#waiting
      this.#waiting = []
      if (waiting.every((told) => this.#apply(told))) break
    }
    this.#waiting = undefined
  }

  /** Removes all entries, for good. */
  end(): void {
    this.#isEnded = true
    this.#replace(new Map())
  }

  /** Returns false when changes before these are missing. */
  #apply({ head, changes }: EntriesTell): boolean {
    const before = head - changes.length
    if (before > this.#head) return false
    for (let n = this.#head + 1; n <= head; n++) {
      const change = changes[n - before - 1]
      if (typeof change === 'number') this.#remove(change)
      else if (change !== undefined) this.#add([n, ...change])
    }
    this.#head = Math.max(this.#head, head)
    return true
  }

  #add(entry: PortableEntry): void {
    const [id] = entry
    if (this.#entries.has(id) || this.#entries.size >= maxEntries) return
    const made = this.#options.make(entry)
    this.#entries.set(id, made)
    this.#options.onChange(made, true)
  }

  #remove(id: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#options.onChange(entry, false)
  }

  #replace(by: ReadonlyMap<number, PortableEntry>): void {
    for (const id of [...this.#entries.keys()]) if (!by.has(id)) this.#remove(id)
    for (const entry of by.values()) this.#add(entry)
  }

  async #readOnce(): Promise<void> {
    const entries = new Map<number, PortableEntry>()
    let head: number | undefined
    try {
      let pages = 0
      for (let after: number | undefined = 0; after !== undefined && entries.size < maxEntries; ) {
        const page = readEntriesPage(await this.#options.ask(after), after)
        if (page === undefined || this.#isEnded || ++pages > mostPages) return
        // What changes while the pages are read is told with higher numbers than this one.
        head ??= page.head
        for (const entry of page.entries) entries.set(entry[0], entry)
        after = page.next
      }
    } catch {
      // The node has left, or the next digest finds the gap again.
      return
    }
    if (this.#isEnded) return
    this.#replace(entries)
    this.#head = head ?? 0
  }
}
