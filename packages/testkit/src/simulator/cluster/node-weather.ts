/** What goes wrong, by chance, with the calls of one node to the store. */
import type { Random } from '@beamclaw/core'
import { integerBetween } from '../../seeded-random.ts'
import type { StoreCall, StoreFault } from '../../store-fault.ts'
import type { Trace } from '../trace.ts'
import type { ClusterEvent } from './cluster-event.ts'

export interface NodeWeatherOptions {
  readonly node: string
  readonly without: ReadonlySet<ClusterEvent>
  readonly random: Random
  readonly trace: Trace
  readonly wait: (ms: number) => Promise<void>
  /** Returns true while a call may never be answered. */
  readonly mayHang: () => boolean
}

export class NodeWeather {
  readonly node: string
  /** False once nothing is to fail any more. */
  isStormy = true
  /** True while each call fails. */
  isAway = false
  #hasFailedForGood = false
  readonly #options: NodeWeatherOptions

  constructor(options: NodeWeatherOptions) {
    this.node = options.node
    this.#options = options
  }

  /** True once a call has failed in such a way that the node has to end. */
  get hasFailedForGood(): boolean {
    return this.#hasFailedForGood
  }

  faultFor(call: StoreCall): StoreFault | undefined {
    if (!this.isStormy || call.method === 'close') return undefined
    const fault = this.isAway ? ({ type: 'fail-before', code: 'store-io' } as const) : this.#pick()
    if (fault === undefined || this.#options.without.has(fault.type === 'delay' ? 'slow-store' : 'store-failure')) return undefined
    // The calls of an index take effect one after the other: all of them would hang, and no session could ever rest.
    if (fault.type === 'hang' && (call.method.startsWith('index.') || !this.#options.mayHang())) return undefined
    const code = 'code' in fault ? `, ${fault.code}` : ''
    if (code.endsWith('store-failed')) this.#hasFailedForGood = true
    if (fault.type !== 'delay')
      this.#options.trace.add(`  store call of ${this.node}, ${call.method} ${call.key.slice(1).join('/')}: ${fault.type}${code}`)
    return fault
  }

  #pick(): StoreFault | undefined {
    const { random } = this.#options
    const dice = random.next()
    if (dice < 0.006) return { type: 'fail-before', code: random.next() < 0.3 ? 'store-full' : 'store-io' }
    if (dice < 0.012) return { type: 'fail-after' }
    if (dice < 0.02) return { type: 'duplicate' }
    if (dice < 0.022) return { type: 'hang', isDone: random.next() < 0.5 }
    if (dice < 0.0223) return { type: 'fail-before', code: 'store-failed' }
    if (dice < 0.3) return { type: 'delay', ...this.#delay('before'), ...this.#delay('after') }
    return undefined
  }

  #delay(side: 'before' | 'after'): { readonly before?: Promise<void>; readonly after?: Promise<void> } {
    const { random, wait } = this.#options
    return random.next() < 0.6 ? { [side]: wait(integerBetween(random, 0, random.next() < 0.1 ? 1_500 : 20)) } : {}
  }
}
