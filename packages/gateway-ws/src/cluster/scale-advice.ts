/** How many nodes the load asks for. */

/** What is known of the nodes at one moment. */
export interface ScaleSample {
  /** Monotonic, in milliseconds. */
  readonly now: number
  /** The loads of the nodes that are up; undefined for one that did not answer. */
  readonly loads: readonly (number | undefined)[]
  /** Whether a node is drained or cut off: its load is about to be that of the others. */
  readonly isChanging: boolean
}

/** The load that a node is to have: above it there is too little room for a node that fails. */
const wantedLoad = 0.6

/** Milliseconds for which the load has to ask for more, or for fewer, before the advice follows. */
const moreAfterMs = 15_000
export const fewerAfterMs = 300_000

interface Wanted {
  readonly at: number
  readonly count: number
}

/**
 * The largest number of nodes that the load has asked for over 15 seconds, within the last five minutes: a peak does not start a node, and a pause does not end
 * one. Nodes that have seen the same loads for that long give the same advice, whenever each was started and however often it is asked.
 *
 * I1: It is at least one, and falls neither while a node is drained or cut off nor in the first five minutes.
 */
export class ScaleAdvice {
  #since: number | undefined
  /** What the load asked for: one entry that is older than `moreAfterMs`, and those after it. */
  #asked: Wanted[] = []
  /** What it has asked for over `moreAfterMs`, within `fewerAfterMs`. */
  #lasting: Wanted[] = []
  #desired = 1

  /** The number of nodes that there should be, as of the last sample. */
  get desired(): number {
    return this.#desired
  }

  /** Takes a sample. They come in the order of their time. */
  add({ now, loads, isChanging }: ScaleSample): void {
    this.#since ??= now
    this.#asked.push({ at: now, count: wantedBy(loads) })
    const before = this.#asked.findLastIndex(({ at }) => at <= now - moreAfterMs)
    const lasting = before === -1 ? 1 : Math.min(...this.#asked.slice(before).map(({ count }) => count))
    if (before > 0) this.#asked = this.#asked.slice(before)
    this.#lasting = this.#lasting.filter(({ at }) => at > now - fewerAfterMs)
    this.#lasting.push({ at: now, count: isChanging ? Math.max(lasting, this.#desired) : lasting })
    const present = now - this.#since < fewerAfterMs ? loads.length : 1
    this.#desired = Math.max(1, present, ...this.#lasting.map(({ count }) => count))
  }
}

function wantedBy(loads: ScaleSample['loads']): number {
  const sum = loads.reduce<number>((total, load = wantedLoad) => total + load, 0)
  // A sum of such fractions may be a little too much.
  return Math.ceil(sum / wantedLoad - 1e-6)
}
