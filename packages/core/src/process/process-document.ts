/** The document of one process in the store. */
import { BeamClawError } from '../base/errors.ts'
import type { JsonObject } from '../base/messages.ts'
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

/**
 * Phases: `clean ⇄ writing → closed`. Owns the order of the writes of one document.
 * I1: At most one write is under way, and at most one waits; a wait for either ends when a state not older than the call's is durable.
 * I2: Once it is closed no write begins: the next incarnation of the table owns the document.
 */
export class ProcessDocument {
  readonly #store: Store
  readonly #key: StoreKey
  readonly #current: () => JsonObject
  #writing: Promise<void> | undefined
  #waiting: Promise<void> | undefined
  #isClosed = false

  /** @param current returns what is to be stored, as it is when the write begins */
  constructor(store: Store, key: StoreKey, current: () => JsonObject) {
    this.#store = store
    this.#key = key
    this.#current = current
  }

  /** Writes the first state. Resolves with false when the name is taken by another node's document. Rejects as the store does. */
  async create(): Promise<boolean> {
    try {
      await this.#store.put(this.#key, this.#current(), { expectedVersion: 0 })
      return true
    } catch (error) {
      if (BeamClawError.isInstance(error, 'version-conflict')) return false
      throw error
    }
  }

  /** Resolves once the present state, or a later one, is durable. Rejects as the store does. */
  save(): Promise<void> {
    if (this.#writing === undefined) {
      const writing = this.#write().finally(() => {
        this.#writing = undefined
      })
      this.#writing = writing
      return writing
    }
    this.#waiting ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined
        return this.save()
      })
    return this.#waiting
  }

  /** Removes the document, after the writes under way. Rejects as the store does. */
  async delete(): Promise<void> {
    this.#isClosed = true
    await this.#writing?.catch(() => {})
    await this.#store.delete(this.#key)
  }

  /** Writes nothing more, and what waits neither. */
  close(): void {
    this.#isClosed = true
  }

  async #write(): Promise<void> {
    if (!this.#isClosed) await this.#store.put(this.#key, this.#current())
  }
}
