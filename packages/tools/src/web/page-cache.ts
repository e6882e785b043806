/** The pages of the last minutes, so that the next part of a long one is not requested again. */
import type { Clock } from '@beamclaw/core'

interface Entry<T> {
  readonly value: T
  readonly size: number
  readonly goodUntil: number
}

/** Bounds of a cache. */
export interface PageCacheOptions {
  readonly clock: Clock
  readonly ttlMs: number
  readonly maxEntries: number
  /** Of all values together. */
  readonly maxSize: number
}

/** Keeps values for a while; the one that was not used for the longest time goes first. Owns its entries and no timer. */
export class PageCache<T> {
  readonly #options: PageCacheOptions
  // In the order of their last use.
  readonly #entries = new Map<string, Entry<T>>()
  #size = 0

  constructor(options: PageCacheOptions) {
    this.#options = options
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#remove(key)
    if (entry.goodUntil <= this.#options.clock.monotonic()) return undefined
    this.#add(key, entry)
    return entry.value
  }

  set(key: string, value: T, size: number): void {
    const { clock, ttlMs, maxEntries, maxSize } = this.#options
    this.#remove(key)
    if (ttlMs === 0 || size > maxSize) return
    this.#add(key, { value, size, goodUntil: clock.monotonic() + ttlMs })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#size <= maxSize) break
      this.#remove(oldest)
    }
  }

  #add(key: string, entry: Entry<T>): void {
    this.#entries.set(key, entry)
    this.#size += entry.size
  }

  #remove(key: string): void {
    this.#size -= this.#entries.get(key)?.size ?? 0
    this.#entries.delete(key)
  }
}
