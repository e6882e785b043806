/** Listeners to the entries of topics: each hears what has changed since it began to listen, once for each turn of the event loop. */
import type { Clock, Logger } from '@beamclaw/actor'
import { describeError } from '../base/errors.ts'

/** What joined and left a topic since the last call. */
export interface EntryChanges<TEntry> {
  readonly joined: readonly TEntry[]
  readonly left: readonly TEntry[]
}

interface Listener<TEntry> {
  readonly call: (changes: EntryChanges<TEntry>) => unknown
  /** True for an entry that joined. */
  readonly untold: Map<TEntry, boolean>
}

/**
 * Owns the listeners of each topic, and what each has not been told.
 * I1: What a listener is told adds up to the entries of its topic, from the moment at which it was added.
 * I2: A listener is called in no call of `add` and `note`, and what it throws is logged.
 */
export class EntryListeners<TEntry> {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #byTopic = new Map<string, Set<Listener<TEntry>>>()
  #isDue = false

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Returns a function that removes the listener; it is not called any more then. */
  add(topic: string, call: Listener<TEntry>['call']): () => void {
    const listener: Listener<TEntry> = { call, untold: new Map() }
    const listeners = this.#byTopic.get(topic) ?? new Set()
    this.#byTopic.set(topic, listeners.add(listener))
    return () => {
      listener.untold.clear()
      if (listeners.delete(listener) && listeners.size === 0) this.#byTopic.delete(topic)
    }
  }

  /** Takes that an entry has joined its topic or has left it. */
  note(topic: string, entry: TEntry, isJoined: boolean): void {
    const listeners = this.#byTopic.get(topic)
    if (listeners === undefined) return
    for (const { untold } of listeners) if (!untold.delete(entry)) untold.set(entry, isJoined)
    if (this.#isDue) return
    this.#isDue = true
    this.#clock.yieldTo(() => {
      this.#isDue = false
      for (const all of [...this.#byTopic.values()]) for (const listener of [...all]) this.#tell(listener)
    })
  }

  /** Removes all listeners. What they were not told is dropped. */
  stop(): void {
    this.#byTopic.clear()
  }

  #tell({ call, untold }: Listener<TEntry>): void {
    if (untold.size === 0) return
    const changes = { joined: [] as TEntry[], left: [] as TEntry[] }
    for (const [entry, isJoined] of untold) changes[isJoined ? 'joined' : 'left'].push(entry)
    untold.clear()
    // Also what it rejects with.
    ;(async () => call(changes))().catch((error: unknown) => {
      this.#logger.log('error', 'cluster.listener-failed', { error: describeError(error) })
    })
  }
}
