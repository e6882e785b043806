/** Faults of messages between the nodes of a `MemoryNetwork`. Pure. */
import type { NodeRef, Random } from '@beamclaw/core'
import { integerBetween } from '../seeded-random.ts'

/** A message that is about to leave its node. */
export interface NetworkMessage {
  /** Counts the messages of the network from 0. */
  readonly index: number
  readonly kind: 'request' | 'reply' | 'tell'
  readonly from: NodeRef
  readonly to: NodeRef
}

/**
 * The fault of a message. `lose`: it never arrives. `delay`: it arrives `delayMs` later; tells behind it wait, so that they stay in order. `double`: it
 * arrives at once, and again `delayMs` later (default 0).
 */
export type MessageFault =
  | { readonly type: 'lose' }
  | { readonly type: 'delay'; readonly delayMs: number }
  | { readonly type: 'double'; readonly delayMs?: number }

/** Called with each message to another node, in order; returns its fault, or `undefined` to let it pass. */
export type MessageFaultPlan = (message: NetworkMessage) => MessageFault | undefined

/** Options of `randomMessageFaults`: the share of messages for each fault, from 0 to 1. */
export interface RandomMessageFaultsOptions {
  readonly random: Random
  /** @default 0 */
  readonly lose?: number
  /** @default 0 */
  readonly delay?: number
  /** @default 0 */
  readonly double?: number
  /** The longest delay, in milliseconds. @default 200 */
  readonly maxDelayMs?: number
}

/** Defaults for `RandomMessageFaultsOptions`. */
const randomMessageFaultsDefaults = { lose: 0, delay: 0, double: 0, maxDelayMs: 200 } as const

/**
 * Returns a plan that loses, delays and doubles messages by chance. Tells are never doubled: the port promises at most one.
 *
 * @example
 * network.faults = randomMessageFaults({ random: seededRandom(7), lose: 0.1, delay: 0.2 })
 */
export function randomMessageFaults(options: RandomMessageFaultsOptions): MessageFaultPlan {
  const { random, lose, delay, double, maxDelayMs } = { ...randomMessageFaultsDefaults, ...options }
  return ({ kind }) => {
    const dice = random.next()
    if (dice < lose) return { type: 'lose' }
    if (dice < lose + delay) return { type: 'delay', delayMs: integerBetween(random, 1, maxDelayMs) }
    if (dice >= lose + delay + double || kind === 'tell') return undefined
    return { type: 'double', delayMs: integerBetween(random, 0, maxDelayMs) }
  }
}
