/** A queue that is first in, first out within each key, and round robin over the keys. */
export class FairQueue<T> {
  // Both in order of turns: a key that had its turn moves to the end.
  readonly #lines = new Map<string, Set<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Returns the next item without removing it. */
  peek(): T | undefined {
    for (const line of this.#lines.values()) for (const item of line) return item
    return undefined
  }

  push(key: string, item: T): void {
    const line = this.#lines.get(key)
    if (line === undefined) this.#lines.set(key, new Set([item]))
    else line.add(item)
    this.#size++
  }

  /** Returns the items whose turn comes before that of a new item with this key, in order. */
  before(key: string): T[] {
    const lines = [...this.#lines].map(([name, line]) => ({ isOwn: name === key, items: [...line] }))
    const round = this.#lines.get(key)?.size ?? 0
    const first: T[] = []
    for (let turn = 0; turn <= round; turn++) {
      for (const { isOwn, items } of lines) {
        const item = items[turn]
        if (isOwn && turn === round) return first
        if (item !== undefined) first.push(item)
      }
    }
    return first
  }

  /** Removes and returns the next item. */
  shift(): T | undefined {
    for (const [key, line] of this.#lines) {
      for (const item of line) {
        this.remove(key, item)
        if (line.size > 0) {
          this.#lines.delete(key)
          this.#lines.set(key, line)
        }
        return item
      }
    }
    return undefined
  }

  /** Removes an item that gave up; returns whether it was there. */
  remove(key: string, item: T): boolean {
    const line = this.#lines.get(key)
    if (line?.delete(item) !== true) return false
    this.#size--
    if (line.size === 0) this.#lines.delete(key)
    return true
  }
}
