/** Turns of the event loop, for work that takes milliseconds: however much of it waits, others have theirs in between. */

export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves in a turn that no other caller has. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)))
    return this.#last
  }

  /** The same for a text that is long; a short one need not wait. */
  nextFor(length: number): Promise<void> | undefined {
    return length > longText ? this.next() : undefined
  }
}

/** Characters from which a text takes more than a millisecond to read or to write. */
const longText = 65_536
