/** Finds actors by name. An entry is gone before anybody hears of its owner's end. */

import type { Actor } from '../actor/actor.ts'
import type { ActorRef } from '../actor/actor-ref.ts'
import { notRunning } from '../actor/failures.ts'
import { coreOf, type Registrar } from '../actor/inside.ts'
import { BeamClawError } from '../errors.ts'
import { checkOptions, oneOf } from '../options.ts'

export interface RegistryOptions {
  /** Whether a key names one actor or any number. @default 'unique' */
  readonly keys?: 'unique' | 'duplicate'
}

/** One registration. */
export interface RegistryEntry<TKey, TValue> {
  readonly key: TKey
  readonly actor: AnyActor
  readonly value: TValue
}

type AnyActor = Actor<never, unknown>

/** Keys are compared as in a Map. An actor may have any number of keys; in a duplicate registry also the same one several times. */
export class Registry<TKey = string, TValue = undefined> implements Registrar {
  readonly #isUnique: boolean
  readonly #byKey = new Map<TKey, RegistryEntry<TKey, TValue> | RegistryEntry<TKey, TValue>[]>()
  // Only for actors with more than one key: the others are found by their entry's key alone.
  readonly #keysOf = new Map<AnyActor, TKey | Set<TKey>>()
  #size = 0

  constructor(options: RegistryOptions = {}) {
    checkOptions<RegistryOptions>('Registry', options, { keys: oneOf('unique', 'duplicate') })
    this.#isUnique = options.keys !== 'duplicate'
  }

  /** Entries in all. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds an entry, which lasts until it is unregistered or its owner ends. Throws `already-registered` when a unique key is taken, also by
   * the same actor, and `actor-not-running` when the owner is gone.
   */
  register(
    key: TKey,
    actor: AnyActor,
    ...[value]: TValue extends undefined ? [value?: TValue] : [value: TValue]
  ): RegistryEntry<TKey, TValue> {
    const core = actor[coreOf]
    if (!core.isAlive) throw notRunning(actor.id)
    const present = this.#byKey.get(key)
    if (present !== undefined && this.#isUnique) {
      const owner = (present as RegistryEntry<TKey, TValue>).actor.id
      throw new BeamClawError('already-registered', `The key is taken by actor "${owner}"`, { details: { owner } })
    }
    const entry: RegistryEntry<TKey, TValue> = { key, actor, value: value as TValue }
    if (present === undefined) this.#byKey.set(key, this.#isUnique ? entry : [entry])
    else (present as RegistryEntry<TKey, TValue>[]).push(entry)
    this.#size++
    this.#noteKey(actor, key)
    core.watchers.addRegistrar(this)
    return entry
  }

  /** The entry of a unique key, or the oldest one of a duplicate key. */
  lookup(key: TKey): RegistryEntry<TKey, TValue> | undefined {
    const present = this.#byKey.get(key)
    return Array.isArray(present) ? present[0] : present
  }

  /** All entries of a key, oldest first. */
  lookupAll(key: TKey): readonly RegistryEntry<TKey, TValue>[] {
    const present = this.#byKey.get(key)
    if (present === undefined) return []
    return Array.isArray(present) ? [...present] : [present]
  }

  /** Calls `deliver` with each entry of a key; answers how many there were. One that throws does not keep the others from their turn; then the first error is thrown. */
  dispatch(key: TKey, deliver: (entry: RegistryEntry<TKey, TValue>) => void): number {
    const entries = this.lookupAll(key)
    const failures: unknown[] = []
    for (const entry of entries) {
      try {
        deliver(entry)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return entries.length
  }

  /** Every entry that `matches`, in the order of their keys' first registration. */
  select(matches: (entry: RegistryEntry<TKey, TValue>) => boolean = () => true): RegistryEntry<TKey, TValue>[] {
    const found: RegistryEntry<TKey, TValue>[] = []
    for (const present of this.#byKey.values()) {
      for (const entry of Array.isArray(present) ? present : [present]) if (matches(entry)) found.push(entry)
    }
    return found
  }

  /** The keys of an actor. */
  keysOf(actor: AnyActor): readonly TKey[] {
    const keys = this.#keysOf.get(actor)
    if (keys instanceof Set) return [...keys]
    return this.#keysOf.has(actor) ? [keys as TKey] : []
  }

  /** Removes an actor's entries of one key; answers how many there were. */
  unregister(key: TKey, actor: AnyActor): number {
    const removed = this.#removeEntries(key, actor)
    if (removed === 0) return 0
    const keys = this.#keysOf.get(actor)
    if (keys instanceof Set && keys.size > 1) {
      keys.delete(key)
      return removed
    }
    this.#keysOf.delete(actor)
    actor[coreOf].watchers.removeRegistrar(this)
    return removed
  }

  /** @internal */
  dropEntriesOf(owner: ActorRef<never>): void {
    const actor = owner as AnyActor
    for (const key of this.keysOf(actor)) this.#removeEntries(key, actor)
    this.#keysOf.delete(actor)
  }

  #noteKey(actor: AnyActor, key: TKey): void {
    const keys = this.#keysOf.get(actor)
    if (keys instanceof Set) keys.add(key)
    else if (!this.#keysOf.has(actor)) this.#keysOf.set(actor, key)
    else if (keys !== key) this.#keysOf.set(actor, new Set([keys as TKey, key]))
  }

  #removeEntries(key: TKey, actor: AnyActor): number {
    const present = this.#byKey.get(key)
    if (present === undefined) return 0
    if (!Array.isArray(present)) {
      if (present.actor !== actor) return 0
      this.#byKey.delete(key)
      this.#size--
      return 1
    }
    const rest = present.filter((entry) => entry.actor !== actor)
    if (rest.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, rest)
    this.#size -= present.length - rest.length
    return present.length - rest.length
  }
}
