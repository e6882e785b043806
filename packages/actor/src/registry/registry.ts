/**
 * Finds actors by key. An entry is removed before any monitor or supervisor is told of its owner's end.
 *
 * Phases: none; a registry works from its construction on. Owns the entries by key; the actor of an entry drops it when it ends.
 * I1: An entry is in the map exactly while its actor is alive and has not unregistered it.
 * I2: A unique key has at most one entry.
 * I3: `size` is the number of entries in the map.
 */
import type { Actor } from '../actor/actor.ts'
import { notRunning } from '../actor/failures.ts'
import { coreOf, type Registration } from '../actor/internals.ts'
import { NamedRef, type RefOf } from '../actor/named-ref.ts'
import { BeamClawError } from '../base/errors.ts'
import { checkOptions, describeValue, oneOf } from '../base/options.ts'

/** Options of a `Registry`. */
export interface RegistryOptions {
  /** Whether a key names one actor or any number. @default 'unique' */
  readonly keys?: 'unique' | 'duplicate'
}

type AnyActor = Actor<never, unknown>

/** One registration. */
export interface RegistryEntry<TKey, TValue, TActor extends AnyActor = AnyActor> {
  readonly key: TKey
  readonly actor: TActor
  readonly value: TValue
}

class Entry<TKey, TValue, TActor extends AnyActor> implements RegistryEntry<TKey, TValue, TActor>, Registration {
  readonly #registry: Registry<TKey, TValue, TActor>
  readonly key: TKey
  readonly actor: TActor
  readonly value: TValue

  constructor(registry: Registry<TKey, TValue, TActor>, key: TKey, actor: TActor, value: TValue) {
    this.#registry = registry
    this.key = key
    this.actor = actor
    this.value = value
  }

  isOf(registry: unknown): boolean {
    return this.#registry === registry
  }

  drop(): void {
    this.#registry[removeEntry](this)
  }
}

type Present<TKey, TValue, TActor extends AnyActor> = Entry<TKey, TValue, TActor> | Set<Entry<TKey, TValue, TActor>>

const removeEntry: unique symbol = Symbol('removeEntry')

/**
 * Finds actors by key. Keys are compared as in a Map. An actor may have any number of keys; in a duplicate registry also the same key several
 * times. `TActor` is the type of the actors. The constructor throws `invalid-option`.
 *
 * @example
 * const rooms = new Registry<string, { floor: number }, Room>()
 * rooms.register('kitchen', room, { floor: 1 })
 * await rooms.ref('kitchen').call('who is there?')
 */
export class Registry<TKey = string, TValue = undefined, TActor extends AnyActor = AnyActor> {
  readonly #isUnique: boolean
  readonly #byKey = new Map<TKey, Present<TKey, TValue, TActor>>()
  #size = 0

  constructor(options: RegistryOptions = {}) {
    checkOptions<RegistryOptions>('Registry', options, { keys: oneOf('unique', 'duplicate') })
    this.#isUnique = options.keys !== 'duplicate'
  }

  /** The number of entries. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds an entry, which lasts until it is unregistered or its actor ends. Throws `already-registered` when a unique key is taken, also by
   * the same actor, `actor-not-running` when the actor has ended, and `invalid-option`.
   */
  register(key: TKey, actor: TActor, value?: TValue): RegistryEntry<TKey, TValue, TActor> {
    const core = actor?.[coreOf]
    if (core === undefined)
      throw new BeamClawError('invalid-option', `Registry.register: the owner must be an Actor, received ${describeValue(actor)}`)
    if (!core.isAlive) throw notRunning(actor.id)
    const present = this.#byKey.get(key)
    if (present instanceof Entry) {
      throw new BeamClawError('already-registered', `The key is taken by actor "${present.actor.id}"`, {
        details: { owner: present.actor.id },
      })
    }
    const entry = new Entry(this, key, actor, value as TValue)
    if (present !== undefined) present.add(entry)
    else this.#byKey.set(key, this.#isUnique ? entry : new Set([entry]))
    this.#size++
    core.watchers.addRegistration(entry)
    return entry
  }

  /** Returns the entry of a unique key, or the oldest one of a duplicate key; undefined when there is none. */
  lookup(key: TKey): RegistryEntry<TKey, TValue, TActor> | undefined {
    const present = this.#byKey.get(key)
    return present instanceof Entry ? present : present?.values().next().value
  }

  /**
   * Returns a reference by key: each call, cast and monitor goes to the actor that is registered then, the oldest one of a duplicate key. While
   * none is, `call` rejects and `cast` throws `actor-not-running` at once.
   *
   * @example
   * const kitchen = rooms.ref('kitchen')
   */
  ref<TOne extends TActor = TActor>(key: TKey): RefOf<TOne>
  ref(key: TKey): unknown {
    return new NamedRef(typeof key === 'string' ? key : describeValue(key), () => this.lookup(key)?.actor)
  }

  /** Returns all entries of a key, oldest first. */
  lookupAll(key: TKey): readonly RegistryEntry<TKey, TValue, TActor>[] {
    return entriesOf(this.#byKey.get(key))
  }

  /**
   * Calls `deliver` with each entry of a key, and returns their number. A call that throws does not prevent the others; the first error is
   * thrown at the end.
   */
  dispatch(key: TKey, deliver: (entry: RegistryEntry<TKey, TValue, TActor>) => void): number {
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

  /** Returns the entries for which `matches` returns true, in the order of their keys' first registration. */
  select(matches: (entry: RegistryEntry<TKey, TValue, TActor>) => boolean = () => true): RegistryEntry<TKey, TValue, TActor>[] {
    const found: RegistryEntry<TKey, TValue, TActor>[] = []
    for (const present of this.#byKey.values()) {
      for (const entry of present instanceof Entry ? [present] : present) if (matches(entry)) found.push(entry)
    }
    return found
  }

  /** Returns the keys of an actor, each once. */
  keysOf(actor: AnyActor): readonly TKey[] {
    return [...new Set(this.#entriesOfActor(actor).map((entry) => entry.key))]
  }

  /** Removes an actor's entries of one key; returns their number. */
  unregister(key: TKey, actor: AnyActor): number {
    const entries = this.#entriesOfActor(actor).filter((entry) => isSame(entry.key, key))
    for (const entry of entries) {
      actor[coreOf].watchers.removeRegistration(entry)
      entry.drop()
    }
    return entries.length
  }

  /** @internal */
  [removeEntry](entry: Entry<TKey, TValue, TActor>): void {
    const present = this.#byKey.get(entry.key)
    if (present instanceof Set) present.delete(entry)
    if (!(present instanceof Set) || present.size === 0) this.#byKey.delete(entry.key)
    this.#size--
  }

  #entriesOfActor(actor: AnyActor): Entry<TKey, TValue, TActor>[] {
    return actor[coreOf].watchers.registrations.filter((entry) => entry instanceof Entry && entry.isOf(this)) as Entry<
      TKey,
      TValue,
      TActor
    >[]
  }
}

/** Equal as keys of a Map are. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}

function entriesOf<TKey, TValue, TActor extends AnyActor>(
  present: Present<TKey, TValue, TActor> | undefined,
): Entry<TKey, TValue, TActor>[] {
  if (present === undefined) return []
  return present instanceof Entry ? [present] : [...present]
}
