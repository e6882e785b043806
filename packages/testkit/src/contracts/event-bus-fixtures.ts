/** What the tests of the EventBus contract share. */
import type { EventBus, Subscription } from '@beamclaw/core'
import type { ContractTests } from './contract.ts'
import { range } from './store-fixtures.ts'

/** The event that the tests publish. */
export interface ContractEvent {
  readonly n: number
}

/** A bus for one test. */
export interface EventBusUnderTest {
  readonly bus: EventBus<ContractEvent>
  /** The same topics from another place, where the bus spans several; publishes and subscribes are tried across. @default bus */
  readonly peer?: EventBus<ContractEvent>
  /** Makes a bus that has nothing to do with this one; stop it in `dispose` if it needs that. @default not tried */
  another?(): EventBus<ContractEvent>
  /** Resolves once a subscription made before has taken hold, and once what was published has arrived. @default at once */
  settle?(): Promise<void>
  /**
   * Loses on the way to `peer` what `publish` publishes, as the network or the service behind the bus may. Resolves once the way is there again, and
   * subscribers had the time to be told. @default not tried: a bus that loses nothing
   */
  lose?(publish: () => void): Promise<void>
  /** Called after the test, in addition to `stop` of the bus and the peer. */
  dispose?(): Promise<void>
}

/** Tests of a section. */
export type EventBusTests = ContractTests<EventBusUnderTest>

export const topic = 'session:agent:ops:main'

export async function settle({ settle: wait }: EventBusUnderTest): Promise<void> {
  await wait?.()
}

export function publish(bus: EventBus<ContractEvent>, from: number, to: number, at = topic): void {
  for (const n of range(from, to)) bus.publish(at, { n })
}

/** Reads until so many events have come. */
export async function take(subscription: Subscription<ContractEvent>, count: number): Promise<number[]> {
  const heard: number[] = []
  if (count === 0) return heard
  for await (const { n } of subscription) if (heard.push(n) === count) break
  return heard
}

/** Reads what is left of a subscription that has ended. */
export async function drain(subscription: Subscription<ContractEvent>): Promise<number[]> {
  const heard: number[] = []
  for await (const { n } of subscription) heard.push(n)
  return heard
}
