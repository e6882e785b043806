/** Bounds the bodies of all requests under way together: each may be as long as allowed, and many of them still fill the heap. */

export class BodyBudget {
  readonly #maxBytes: number
  #taken = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Returns what gives the bytes back, once however often it is called; undefined when there is no room. One body alone always has room. */
  take(bytes: number): (() => void) | undefined {
    if (this.#taken > 0 && this.#taken + bytes > this.#maxBytes) return undefined
    this.#taken += bytes
    let isTaken = true
    return () => {
      if (isTaken) this.#taken -= bytes
      isTaken = false
    }
  }
}
