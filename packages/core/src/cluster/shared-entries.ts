/** A table of entries that each node has of itself, and every node can read whole. */
import type { SystemServices } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, MemberChange, NodeRef } from '../ports/cluster.ts'
import { type EntryChanges, EntryListeners } from './entry-listeners.ts'
import { type EntriesPage, maxEntries, maxItems as mostItems, type PortableEntry, readEntriesTell } from './entry-messages.ts'
import { OwnEntries, type OwnEntriesOptions } from './own-entries.ts'
import { RemoteEntries } from './remote-entries.ts'

/** One entry. Never changes. */
export interface SharedEntry {
  readonly topic: string
  readonly key: string
  readonly meta: JsonValue
  readonly id: number
  /** The node that it is at; undefined for this one, in whichever life. */
  readonly node: NodeRef | undefined
}

/** Options of `SharedEntries`. */
export interface SharedEntriesOptions {
  readonly tenant: TenantId
  /** The same at all nodes, and unlike that of every other table of the tenant. */
  readonly table: string
  readonly cluster: Cluster
  readonly services: Pick<SystemServices, 'clock' | 'logger'>
  /** Maximum changes in one tell, and entries in one page. @default 5000 */
  readonly maxItems?: number
}

/** Milliseconds that another node has to send a page of its entries. */
const answerWithinMs = 5_000

/** Maximum nodes that told something before this one has seen them join. */
const maxUnseen = 1_000

/**
 * Each node adds and removes its own entries, and knows those of all others: by what they tell, or by reading them all where something was lost. Entries
 * are in memory alone.
 *
 * Phases: `open → stopped`. Owns the entries of this node, a copy of those of each other member, and the index of all by topic.
 * I1: Only entries of this node and of members are listed; those of a node that leaves are removed at once, in whichever way it left.
 * I2: The copy of a node is complete at most one digest after its last change, unless each of its digests is lost.
 * I3: A message of a node that is no member changes no entry. That node is read once it joins, or dropped from the oldest on.
 * I4: Without another member there is no message and no timer.
 */
export class SharedEntries {
  readonly #options: SharedEntriesOptions
  readonly #own: OwnEntries
  readonly #copies = new Map<string, RemoteEntries<SharedEntry>>()
  readonly #unseen = new Set<string>()
  readonly #byTopic = new Map<string, Set<SharedEntry>>()
  readonly #listeners: EntryListeners<SharedEntry>
  #isStopped = false

  constructor(options: SharedEntriesOptions) {
    this.#options = options
    const { tenant, table, cluster, services, maxItems = mostItems } = options
    this.#listeners = new EntryListeners(services.clock, services.logger)
    const tell: OwnEntriesOptions['tell'] = (node, head, changes) =>
      cluster.tell(node, { type: 'entries', tenant, table, head, changes: changes as JsonValue })
    this.#own = new OwnEntries({ cluster, clock: services.clock, tell, maxItems })
  }

  /** Returns what removes the entry. `meta` is not copied. Throws `overloaded`, and `actor-not-running` once stopped. */
  add(topic: string, key: string, meta: JsonValue, metaText: string): () => void {
    if (this.#isStopped) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    if (this.#own.size >= maxEntries)
      throw new BeamClawError('overloaded', `This node has ${maxEntries} entries already, which is all it may have`)
    const id = this.#own.add(topic, key, meta, metaText)
    const entry: SharedEntry = { topic, key, meta, id, node: undefined }
    this.#index(entry, true)
    return () => {
      this.#own.remove(id)
      this.#index(entry, false)
    }
  }

  /** Returns the entries of a topic, sorted by key, node and age. */
  list(topic: string): SharedEntry[] {
    const { members, self } = this.#options.cluster
    const present = new Set(members.map(({ incarnation }) => incarnation))
    const nodeOf = ({ node = self }: SharedEntry): string => node.id
    return [...(this.#byTopic.get(topic) ?? [])]
      .filter(({ node }) => node === undefined || present.has(node.incarnation))
      .sort((a, b) => compare(a.key, b.key) || compare(nodeOf(a), nodeOf(b)) || a.id - b.id)
  }

  /** Calls back with what joins the topic and leaves it from now on. Returns what ends that. */
  on(topic: string, listener: (changes: EntryChanges<SharedEntry>) => unknown): () => void {
    return this.#isStopped ? () => {} : this.#listeners.add(topic, listener)
  }

  /** Takes what another node tells. Ignores what it cannot read. */
  take(body: JsonValue, from: NodeRef): void {
    const told = this.#isStopped || from.incarnation === this.#options.cluster.self.incarnation ? undefined : readEntriesTell(body)
    if (told === undefined) return
    if (this.#isMember(from)) return this.#copyOf(from).take(told)
    // It may have seen this node join before this node sees it.
    this.#unseen.delete(from.incarnation)
    this.#unseen.add(from.incarnation)
    const [oldest = ''] = this.#unseen
    if (this.#unseen.size > maxUnseen) this.#unseen.delete(oldest)
  }

  /** Returns the entries of this node after the one with this id, for another node. */
  page(after: JsonValue | undefined): EntriesPage {
    return this.#own.page(typeof after === 'number' ? after : 0)
  }

  /** Takes what the cluster says of its members. */
  membersChanged({ joined, left }: MemberChange): void {
    if (this.#isStopped) return
    this.#forgetGone()
    for (const { incarnation } of left) this.#unseen.delete(incarnation)
    this.#own.digest(joined)
    for (const node of joined) if (this.#unseen.delete(node.incarnation)) void this.#copyOf(node).read()
    this.#own.keepTime()
  }

  /** Tells the entries of this node again, which is another life of it. */
  rejoined(): void {
    if (this.#isStopped) return
    this.#forgetGone()
    this.#own.digest()
  }

  /** Removes everything. The entries of this node are removed at the others, too. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#listeners.stop()
    this.#own.stop()
    for (const incarnation of [...this.#copies.keys()]) this.#forget(incarnation)
    this.#byTopic.clear()
  }

  #isMember({ incarnation }: NodeRef): boolean {
    return this.#options.cluster.members.some((member) => member.incarnation === incarnation)
  }

  #copyOf(node: NodeRef): RemoteEntries<SharedEntry> {
    const known = this.#copies.get(node.incarnation)
    if (known !== undefined) return known
    const { cluster, tenant, table } = this.#options
    const copy = new RemoteEntries<SharedEntry>({
      ask: (after) => cluster.request(node, { type: 'entries.page', tenant, table, after }, { timeoutMs: answerWithinMs }),
      make: ([id, topic, key, meta]: PortableEntry) => ({ topic, key, meta, id, node }),
      onChange: (entry, isAdded) => this.#index(entry, isAdded),
    })
    this.#copies.set(node.incarnation, copy)
    return copy
  }

  #forgetGone(): void {
    const present = new Set(this.#options.cluster.members.map(({ incarnation }) => incarnation))
    for (const incarnation of [...this.#copies.keys()]) if (!present.has(incarnation)) this.#forget(incarnation)
  }

  #forget(incarnation: string): void {
    this.#copies.get(incarnation)?.end()
    this.#copies.delete(incarnation)
  }

  #index(entry: SharedEntry, isAdded: boolean): void {
    const { topic } = entry
    const entries = this.#byTopic.get(topic) ?? new Set()
    if (entries.has(entry) === isAdded) return
    if (isAdded) this.#byTopic.set(topic, entries.add(entry))
    else if (entries.delete(entry) && entries.size === 0) this.#byTopic.delete(topic)
    this.#listeners.note(topic, entry, isAdded)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
