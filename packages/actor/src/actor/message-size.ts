/** Estimates the memory that a message holds, precisely enough to bound a mailbox. */

/** The number of values that are measured; further ones count as 64 bytes each, so that the time for one message is bounded. */
const lookLimit = 2_000
const unseenBytes = 64

/** Returns the estimated bytes: one per character, 8 per number, 16 per object and 8 per field or entry of it. Never throws. */
export function estimateSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length + 16
    case 'object':
      return value === null ? 8 : new Estimate().of(value)
    default:
      return 8
  }
}

class Estimate {
  #bytes = 0
  #looks = 0
  readonly #pending: object[] = []

  of(root: object): number {
    this.#pending.push(root)
    for (let item = this.#pending.pop(); item !== undefined; item = this.#pending.pop()) {
      if (this.#looks >= lookLimit) return this.#bytes + unseenBytes * (this.#pending.length + 1)
      this.#looks++
      try {
        this.#add(item)
      } catch {
        // A getter or a proxy that throws hides what it holds.
        this.#bytes += unseenBytes
      }
    }
    return this.#bytes
  }

  #add(item: object): void {
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer || item instanceof SharedArrayBuffer) {
      this.#bytes += item.byteLength
      return
    }
    this.#bytes += 16
    if (Array.isArray(item)) this.#items(item)
    else if (item instanceof Map) this.#entries(item.size * 2, pairs(item))
    else if (item instanceof Set) this.#entries(item.size, item)
    else {
      if (item instanceof Error) this.#bytes += item.message.length + (item.stack?.length ?? 0)
      this.#fields(item)
    }
  }

  #items(items: readonly unknown[]): void {
    const count = items.length
    let seen = 0
    while (seen < count && this.#looks < lookLimit) this.#look(items[seen++])
    this.#bytes += 8 * count + unseenBytes * (count - seen)
  }

  #entries(count: number, entries: Iterable<unknown>): void {
    this.#bytes += 8 * count
    let seen = 0
    for (const entry of entries) {
      if (this.#looks >= lookLimit) break
      this.#look(entry)
      seen++
    }
    this.#bytes += unseenBytes * (count - seen)
  }

  #fields(item: object): void {
    let seen = 0
    for (const key in item) {
      if (this.#looks >= lookLimit) {
        this.#bytes += unseenBytes * Math.max(0, Object.keys(item).length - seen)
        return
      }
      this.#bytes += 8
      this.#look((item as Record<string, unknown>)[key])
      seen++
    }
  }

  #look(value: unknown): void {
    if (typeof value === 'string') {
      this.#looks++
      this.#bytes += value.length
    } else if (typeof value === 'object' && value !== null) this.#pending.push(value)
    else this.#looks++
  }
}

function* pairs(map: ReadonlyMap<unknown, unknown>): Iterable<unknown> {
  for (const [key, value] of map) {
    yield key
    yield value
  }
}
