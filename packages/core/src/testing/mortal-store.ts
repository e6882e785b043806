/** A store in memory that tells before or after a chosen write of any kind, for tests in which a process dies there. */
import { wrapLog } from '../adapter/wrap-log.ts'
import type { JsonValue } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, FencingToken, PutOptions } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export class MortalStore extends MemoryStore {
  #left = 0
  #when: 'before' | 'after' = 'after'
  #die: () => void = () => {}

  /** The process dies at the write that is `left` from now, by `die`; at none for 0. */
  dieAt(left: number, when: 'before' | 'after', die: () => void): void {
    this.#left = left
    this.#when = when
    this.#die = die
  }

  /** It dies at no write. Before the next process starts: it would end the one before, and leave that one waiting. */
  live(): void {
    this.dieAt(0, 'after', () => {})
  }

  async #watch<T>(write: () => Promise<T>): Promise<T> {
    const isDue = this.#left > 0 && --this.#left === 0
    if (isDue && this.#when === 'before') {
      this.#die()
      // The process is gone: nothing is written, and there is no answer.
      return new Promise(() => {})
    }
    const done = await write()
    if (isDue) this.#die()
    return done
  }

  override put(name: StoreKey, value: JsonValue, options?: PutOptions): Promise<number> {
    return this.#watch(() => super.put(name, value, options))
  }

  override delete(name: StoreKey, options?: PutOptions): Promise<boolean> {
    return this.#watch(() => super.delete(name, options))
  }

  override async openLog(name: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(name, token)
    return wrapLog(log, { append: (records) => this.#watch(() => log.append(records)) })
  }
}
