/** Yields to the event loop between pieces of work that take milliseconds, however many of them wait. */

export class Turns {
  #last: Promise<undefined> = Promise.resolve(undefined)

  /** Resolves in a turn of the event loop that no other caller shares. */
  next(): Promise<undefined> {
    this.#last = this.#last.then(turn)
    return this.#last
  }

  /** The same for work on a long text; undefined for a short one, which need not wait. */
  nextFor(length: number): Promise<undefined> | undefined {
    return length > longText ? this.next() : undefined
  }
}

/** Characters from which on a text takes more than a fraction of a millisecond to parse or stringify. */
const longText = 65_536

/** Resolves in the next turn of the event loop, which callers may share. */
export function turn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)))
}
