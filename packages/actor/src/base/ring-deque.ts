/** First in, first out, in an array that wraps around: both ends cost the same however long it is. */
export class RingDeque<T> {
  #slots: (T | undefined)[]
  #head = 0
  #length = 0

  constructor(capacity = 8) {
    this.#slots = new Array<T | undefined>(capacity)
  }

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#resize(this.#length * 2)
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item
    this.#length++
  }

  peek(): T | undefined {
    return this.#slots[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#length--
    // A burst must not leave its array behind for good.
    if (this.#slots.length > 1024 && this.#length < this.#slots.length / 8) this.#resize(this.#slots.length / 4)
    return item
  }

  forEach(visit: (item: T) => void): void {
    this.forEachLast(this.#length, visit)
  }

  /** Visits the last `count` items, of at most as many as there are, in order. */
  forEachLast(count: number, visit: (item: T) => void): void {
    for (let index = this.#length - count; index < this.#length; index++)
      visit(this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T)
  }

  #resize(capacity: number): void {
    const slots = new Array<T | undefined>(capacity)
    for (let index = 0; index < this.#length; index++) slots[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)]
    this.#slots = slots
    this.#head = 0
  }
}
