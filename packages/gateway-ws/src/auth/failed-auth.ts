/** Counts wrong tokens by address, which limits guessing. */
import { isLoopback, plainAddress } from './addresses.ts'

const windowMs = 60_000

/** Maximum number of addresses in memory; the oldest is dropped. */
const maxAddresses = 10_000

interface Failures {
  count: number
  readonly since: number
}

export class FailedAuth {
  readonly #limit: number
  readonly #now: () => number
  readonly #byAddress = new Map<string, Failures>()

  /** @param now milliseconds since an arbitrary start. */
  constructor(limit: number, now: () => number) {
    this.#limit = limit
    this.#now = now
  }

  /** Returns the milliseconds until this address may try again; undefined when it may now. */
  retryAfterMs(address: string | undefined): number | undefined {
    const failures = this.#of(address)
    return failures === undefined || failures.count < this.#limit ? undefined : Math.max(1, failures.since + windowMs - this.#now())
  }

  record(address: string | undefined): void {
    if (address === undefined || isLoopback(address)) return
    const failures = this.#of(address)
    if (failures !== undefined) {
      failures.count++
      return
    }
    const oldest = this.#byAddress.keys().next()
    if (this.#byAddress.size >= maxAddresses && oldest.done === false) this.#byAddress.delete(oldest.value)
    this.#byAddress.set(plainAddress(address), { count: 1, since: this.#now() })
  }

  #of(address: string | undefined): Failures | undefined {
    if (address === undefined) return undefined
    const failures = this.#byAddress.get(plainAddress(address))
    if (failures === undefined || this.#now() < failures.since + windowMs) return failures
    this.#byAddress.delete(plainAddress(address))
    return undefined
  }
}
