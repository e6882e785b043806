/** A table of entries that each node has of itself, and every node can read whole. */
import type { SystemServices } from '@beamclaw/actor'
import { deepFreeze } from '../base/deep-freeze.ts'
import { BeamClawError } from '../base/errors.ts'
import type { TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
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
  /** Maximum changes in one tell, and entries in one page. @default 500 */
  readonly maxItems?: number
}

/** Milliseconds that another node has to send a page of its entries. */
const answerWithinMs = 5_000

/**
 * Each node adds and removes its own entries, and knows those of all others: by what they tell, or by reading them all where something was lost. Entries
 * are in memory alone.
 *
 * Phases: `open → stopped`. Owns the entries of this node, a copy of those of each other member, and the index of all by topic.
 * I1: Only entries of this node and of members are listed; those of a node that leaves are removed at once, in whichever way it left.
 * I2: The copy of a node is complete at most one digest after its last change, unless each of its digests is lost.
 * I3: A message of a node that is no member changes no entry. What it told before this node saw it join is read then.
 * I4: Without another member, and while no node has used the table, there is no message and no timer.
 */
export class SharedEntries {
  readonly #options: SharedEntriesOptions
  readonly #own: OwnEntries
  readonly #copies = new Map<string, RemoteEntries<SharedEntry>>()
  readonly #byTopic = new Map<string, Set<SharedEntry>>()
  readonly #listeners: EntryListeners<SharedEntry>
  #isUsed = false
  #isStopped = false

  constructor(options: SharedEntriesOptions) {
    this.#options = options
    const { tenant, table, cluster, services, maxItems = mostItems } = options
    this.#listeners = new EntryListeners(services.clock, services.logger)
    const tell: OwnEntriesOptions['tell'] = (node, head, changes) =>
      cluster.tell(node, { type: 'entries', tenant, table, head, changes: changes as JsonValue })
    this.#own = new OwnEntries({ cluster, clock: services.clock, tell, maxItems })
  }

  /** Returns what removes the entry. `meta` is frozen, and not copied. Throws `overloaded`, and `actor-not-running` once stopped. */
  add(topic: string, key: string, meta: JsonValue): () => void {
    if (this.#isStopped) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    if (this.#own.size >= maxEntries) throw new BeamClawError('overloaded', `This node has ${maxEntries} entries already; try again later`)
    this.#isUsed = true
    const id = this.#own.add(topic, key, meta)
    const entry: SharedEntry = { topic, key, meta: deepFreeze(meta), id, node: undefined }
    this.#index(entry, true)
    return () => {
      this.#own.remove(id)
      this.#index(entry, false)
    }
  }

  /** Returns the entries of a topic, sorted by key, node and age. */
  list(topic: string): SharedEntry[] {
    const present = this.#present
    const nodeOf = ({ node = this.#options.cluster.self }: SharedEntry): string => node.id
    return [...(this.#byTopic.get(topic) ?? [])]
      .filter(({ node }) => node === undefined || present.has(node.incarnation))
      .sort((a, b) => compare(a.key, b.key) || compare(nodeOf(a), nodeOf(b)) || a.id - b.id)
  }

  /** Calls back with what joins the topic and leaves it from now on. Returns what ends that. */
  on(topic: string, listener: (changes: EntryChanges<SharedEntry>) => unknown): () => void {
    return this.#listeners.add(topic, listener)
  }

  /** Takes what another node tells. Ignores what it cannot read. */
  take(body: JsonObject, from: NodeRef): void {
    const told = this.#isStopped ? undefined : readEntriesTell(body)
    if (told === undefined) return
    this.#isUsed = true
    if (this.#present.has(from.incarnation)) this.#copyOf(from).take(told)
  }

  /** Returns the entries of this node after the one with this id, for another node. */
  page(after: JsonValue | undefined): EntriesPage {
    return this.#own.page(typeof after === 'number' ? after : 0)
  }

  /** Takes what the cluster says of its members. */
  membersChanged({ joined }: Pick<MemberChange, 'joined'>): void {
    if (this.#isStopped) return
    const present = this.#present
    for (const incarnation of [...this.#copies.keys()]) if (!present.has(incarnation)) this.#forget(incarnation)
    this.#own.digest(joined)
    // It may have seen this node before, and told it something.
    if (this.#isUsed) for (const node of joined) void this.#copyOf(node).read()
    this.#own.keepTime()
  }

  /** Tells the entries of this node again, which is another life of it. */
  rejoined(): void {
    this.membersChanged({ joined: [] })
    if (!this.#isStopped) this.#own.digest()
  }

  /** Removes everything. The entries of this node are removed at the others, too. */
  stop(): void {
    this.#isStopped = true
    this.#listeners.stop()
    this.#own.stop()
    for (const incarnation of [...this.#copies.keys()]) this.#forget(incarnation)
    this.#byTopic.clear()
  }

  get #present(): ReadonlySet<string> {
    return new Set(this.#options.cluster.members.map(({ incarnation }) => incarnation))
  }

  #copyOf(node: NodeRef): RemoteEntries<SharedEntry> {
    const known = this.#copies.get(node.incarnation)
    if (known !== undefined) return known
    const { cluster, tenant, table } = this.#options
    const copy = new RemoteEntries<SharedEntry>({
      ask: (after) => cluster.request(node, { type: 'entries.page', tenant, table, after }, { timeoutMs: answerWithinMs }),
      make: ([id, topic, key, meta]: PortableEntry) => ({ topic, key, meta: deepFreeze(meta), id, node }),
      onChange: (entry, isAdded) => this.#index(entry, isAdded),
    })
    this.#copies.set(node.incarnation, copy)
    return copy
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
