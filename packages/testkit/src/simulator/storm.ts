/** Decides, by chance, what goes wrong with each call to the store. */
import type { Random } from '@beamclaw/core'
import { integerBetween } from '../seeded-random.ts'
import type { StoreCall, StoreFault } from '../store-fault.ts'
import type { SimulatedEvent } from './simulated-event.ts'
import type { Trace } from './trace.ts'

export interface StormOptions {
  readonly without: ReadonlySet<SimulatedEvent>
  readonly random: Random
  readonly trace: Trace
  /** Resolves after so many milliseconds. */
  readonly wait: (ms: number) => Promise<void>
}

export class Storm {
  /** False once nothing is to fail any more. */
  isOn = true
  /** False while a call that never answers would hold up the start of the program. */
  mayHang = false
  readonly #options: StormOptions

  constructor(options: StormOptions) {
    this.#options = options
  }

  faultFor(call: StoreCall): StoreFault | undefined {
    if (!this.isOn || call.method === 'close') return undefined
    const fault = this.#pick()
    if (fault === undefined || this.#options.without.has(fault.type === 'delay' ? 'slow-store' : 'store-failure')) return undefined
    // The calls of an index take effect one after the other: all of them would hang, and no session could ever rest.
    if (fault.type === 'hang' && call.method.startsWith('index.')) return undefined
    if (fault.type !== 'delay') {
      this.#options.trace.add(
        `  store call ${call.index}, ${call.method} ${call.key.slice(1).join('/')}: ${fault.type}${'code' in fault ? `, ${fault.code}` : ''}`,
      )
    }
    return fault
  }

  #pick(): StoreFault | undefined {
    const { random } = this.#options
    const dice = random.next()
    if (dice < 0.012) return { type: 'fail-before', code: random.next() < 0.3 ? 'store-full' : 'store-io' }
    if (dice < 0.024) return { type: 'fail-after' }
    if (dice < 0.04) return { type: 'duplicate' }
    if (dice < 0.043) return this.mayHang ? { type: 'hang', isDone: random.next() < 0.5 } : undefined
    if (dice < 0.0435) return { type: 'fail-before', code: 'store-failed' }
    if (dice < 0.4) return { type: 'delay', ...this.#delay('before'), ...this.#delay('after') }
    return undefined
  }

  #delay(side: 'before' | 'after'): { readonly before?: Promise<void>; readonly after?: Promise<void> } {
    const { random, wait } = this.#options
    return random.next() < 0.6 ? { [side]: wait(integerBetween(random, 0, random.next() < 0.1 ? 1_500 : 20)) } : {}
  }
}
