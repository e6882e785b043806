/** Who is where: entries that the nodes of a cluster show each other. */
import { invalidOption } from '@beamclaw/actor/internal'
import type { NodeId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'
import { checkFunction, checkName } from './check-input.ts'
import type { EntryChanges } from './entry-listeners.ts'
import { maxMetaBytes } from './entry-messages.ts'
import type { SharedEntries, SharedEntry } from './shared-entries.ts'

/** One thing that is present. */
export interface PresenceEntry {
  readonly key: string
  /** As it was tracked, frozen; null when it was tracked without. */
  readonly meta: JsonValue
  /** The node at which it was tracked. */
  readonly node: NodeId
}

/** What joined a topic and left it since the last call. */
export type PresenceChange = EntryChanges<PresenceEntry>

/**
 * Who or what is present in a topic, at all nodes of the cluster: the connections of a user, the readers of a document. Entries are in memory alone, and
 * end with their node. One for each tenant, at `running.presence` and `running.tenant(id).presence`.
 *
 * Phases: `open → stopped`, with the BeamClaw.
 * I1: An entry is of the node that tracked it, until it is untracked there or that node leaves. Several entries may have one key.
 * I2: What a listener hears adds up to `list`, from the moment at which it was added.
 *
 * @example
 * const untrack = running.presence.track('room:7', user.id, { name: user.name })
 * running.presence.list('room:7') // [{ key: 'ann', meta: { name: 'Ann' }, node: 'web-1' }, …]
 */
export class Presence {
  readonly #entries: SharedEntries
  readonly #self: () => NodeId

  /** Made by core. */
  constructor(entries: SharedEntries, self: () => NodeId) {
    this.#entries = entries
    this.#self = self
  }

  /**
   * Adds an entry, and returns what removes it; calling that again does nothing. Topic and key are strings of 1 to 256 characters, `meta` is JSON of at most
   * 4096 bytes, of which a copy is kept. Throws `invalid-option`, `overloaded` when this node has 100,000 entries, and `actor-not-running` once the tree has
   * ended.
   *
   * @example
   * socket.on('close', running.presence.track('room:7', 'ann', { tab: 1 }))
   */
  track(topic: string, key: string, meta: JsonValue = null): () => void {
    checkName('Presence.track', 'topic', topic)
    checkName('Presence.track', 'key', key)
    return this.#entries.add(topic, key, copyOf(meta))
  }

  /** Returns the entries of a topic as this node knows them, sorted by key, then by node. Throws `invalid-option`. */
  list(topic: string): PresenceEntry[] {
    checkName('Presence.list', 'topic', topic)
    return this.#entries.list(topic).map((entry) => this.#shown(entry))
  }

  /**
   * Calls `listener` with the entries that join the topic and leave it from now on, at whichever node, those of one turn of the event loop together. Returns
   * what ends that. What the listener throws is logged. Throws `invalid-option`.
   *
   * @example
   * const off = running.presence.on('room:7', ({ joined, left }) => show(joined, left))
   */
  on(topic: string, listener: (change: PresenceChange) => unknown): () => void {
    checkName('Presence.on', 'topic', topic)
    checkFunction('Presence.on', 'listener', listener)
    const shown = (entries: readonly SharedEntry[]): PresenceEntry[] => entries.map((entry) => this.#shown(entry))
    return this.#entries.on(topic, ({ joined, left }) => listener({ joined: shown(joined), left: shown(left) }))
  }

  #shown({ key, meta, node }: SharedEntry): PresenceEntry {
    return { key, meta, node: node?.id ?? this.#self() }
  }
}

function copyOf(meta: JsonValue): JsonValue {
  try {
    return JSON.parse(encodeJson(meta, maxMetaBytes))
  } catch {
    throw invalidOption('Presence.track', 'meta', `JSON of at most ${maxMetaBytes} bytes`, meta)
  }
}
