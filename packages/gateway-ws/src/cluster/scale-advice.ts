/** How many nodes the load asks for. */

/** What the advice is made from. */
export interface ScaleInput {
  /** Monotonic, in milliseconds. */
  readonly now: number
  /** The loads of the nodes that are up. */
  readonly loads: readonly number[]
  readonly isDraining: boolean
}

/** The load that a node is to have: above it there is too little room for a node that fails. */
const wantedLoad = 0.6

/** Milliseconds for which the load has to ask for more, or for fewer, before the advice follows. */
const moreAfterMs = 15_000
const fewerAfterMs = 300_000

/** Remembers since when the load has asked for another number, so that a peak does not start a node and a pause does not end one. */
export class ScaleAdvice {
  #advised: number | undefined
  #differsSince: { readonly at: number; readonly isMore: boolean } | undefined

  /** Returns the number of nodes that there should be: at least one, and not fewer while a node is drained. */
  desired({ now, loads, isDraining }: ScaleInput): number {
    const wanted = Math.max(1, Math.ceil(loads.reduce((sum, load) => sum + load, 0) / wantedLoad))
    this.#advised ??= Math.max(1, loads.length)
    if (wanted === this.#advised || (wanted < this.#advised && isDraining)) {
      this.#differsSince = undefined
      return this.#advised
    }
    const isMore = wanted > this.#advised
    if (this.#differsSince?.isMore !== isMore) this.#differsSince = { at: now, isMore }
    if (now - this.#differsSince.at < (isMore ? moreAfterMs : fewerAfterMs)) return this.#advised
    this.#advised = wanted
    this.#differsSince = undefined
    return wanted
  }
}
