/** Bounds the bodies of all requests under way together: many bodies within their own limit could still fill the heap. */

export class BodyBudget {
  readonly #maxBytes: number
  #taken = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Returns a function that frees the bytes, once; undefined when there is no room. A single body always has room. */
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
