/** The entries of this node, and how the other nodes learn of them. */
import type { Clock, TimerHandle } from '@beamclaw/actor'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { EntriesPage, EntryChange, PortableEntry } from './entry-messages.ts'

/** What an `OwnEntries` needs. */
export interface OwnEntriesOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  /** Sends to another node. */
  readonly tell: (node: NodeRef, head: number, changes: readonly EntryChange[]) => void
  /** Maximum changes in one tell, and entries in one page. */
  readonly maxItems: number
}

/** Milliseconds between two digests. */
const digestEveryMs = 15_000

/**
 * Tells the other nodes of each change, those of one turn of the event loop together, and of the number of the last one every 15 s.
 *
 * Phases: none. Owns the entries in the order of their ids, the changes that were not sent, and a timer.
 * I1: Changes are numbered from 1 without gaps, over all lives of the node; the id of an entry is the number of the change that added it.
 * I2: Without another member, and before the first entry, there is no timer and no message.
 */
export class OwnEntries {
  readonly #options: OwnEntriesOptions
  readonly #entries = new Map<number, PortableEntry>()
  #head = 0
  #unsent: EntryChange[] = []
  #timer: TimerHandle | undefined

  constructor(options: OwnEntriesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** Returns the id of the new entry. */
  add(topic: string, key: string, meta: JsonValue): number {
    this.#change([topic, key, meta])
    this.#entries.set(this.#head, [this.#head, topic, key, meta])
    this.keepTime()
    return this.#head
  }

  remove(id: number): void {
    if (this.#entries.delete(id)) this.#change(id)
  }

  /** Returns the entries after the one with this id, as many as a page has. */
  page(after: number): EntriesPage {
    const entries: PortableEntry[] = []
    for (const [id, entry] of this.#entries) {
      if (id <= after) continue
      if (entries.length === this.#options.maxItems) return { head: this.#head, entries, next: entries.at(-1)?.[0] ?? 0 }
      entries.push(entry)
    }
    return { head: this.#head, entries }
  }

  /** Tells a node, or all others, how far the changes are. */
  digest(nodes: readonly NodeRef[] = this.#others): void {
    if (this.#head === 0) return
    this.flush()
    for (const node of nodes) this.#options.tell(node, this.#head, [])
  }

  /** Has a timer exactly while there is another member that may have missed a change. */
  keepTime(): void {
    if (this.#head > 0 && this.#others.length > 0) {
      this.#timer ??= this.#options.clock.setTimer(
        () => {
          this.#timer = undefined
          this.digest()
          this.keepTime()
        },
        digestEveryMs,
        true,
      )
    } else this.#endTimer()
  }

  /** Sends what was not sent. */
  flush(): void {
    const changes = this.#unsent
    if (changes.length === 0) return
    this.#unsent = []
    for (const node of this.#others) this.#options.tell(node, this.#head, changes)
  }

  /** Removes all entries, and tells it. */
  stop(): void {
    for (const id of [...this.#entries.keys()]) this.remove(id)
    this.flush()
    this.#endTimer()
  }

  get #others(): readonly NodeRef[] {
    const { self, members } = this.#options.cluster
    return members.filter(({ incarnation }) => incarnation !== self.incarnation)
  }

  #change(change: EntryChange): void {
    if (this.#unsent.length === this.#options.maxItems) this.flush()
    this.#head++
    if (this.#unsent.push(change) === 1) this.#options.clock.yieldTo(() => this.flush())
  }

  #endTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
