/** Turns of the event loop, for work that takes milliseconds: however much of it waits, others have theirs in between. */

export class Turns {
  #last: Promise<undefined> = Promise.resolve(undefined)

  /** Resolves in a turn that no other caller has. */
  next(): Promise<undefined> {
    this.#last = this.#last.then(turn)
    return this.#last
  }

  /** The same for work on a text that is long; a short one need not wait. */
  nextFor(length: number): Promise<undefined> | undefined {
    return length > longText ? this.next() : undefined
  }
}

/** Characters from which a text takes more than a fraction of a millisecond to read or to write. */
const longText = 65_536

/** Resolves in the next turn of the event loop, which others may have, too. */
export function turn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)))
}
