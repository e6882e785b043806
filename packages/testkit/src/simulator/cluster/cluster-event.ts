/** The events of a simulated cluster, and their frequencies. */
import type { Random } from '@beamclaw/core'

/** The relative frequency of each event. */
const weights = {
  send: 30,
  repeat: 8,
  'send-at-once': 6,
  abort: 6,
  decide: 8,
  subscribe: 6,
  leave: 4,
  inspect: 3,
  kill: 5,
  restart: 8,
  freeze: 4,
  isolate: 3,
  cut: 4,
  drain: 3,
  rebalance: 8,
  'kill-branch': 2,
  'wall-jump': 1,
  'store-outage': 2,
  idle: 7,
} as const

type Act = keyof typeof weights

const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)

/** Something that is done to a cluster, or something that goes wrong in it. */
export type ClusterEvent = Act | 'store-failure' | 'slow-store' | 'hung-store' | 'model-failure' | 'message-fault'

/** One of the things that are done. */
export function pickClusterEvent(random: Random): Act {
  let dice = random.next() * total
  for (const [act, weight] of Object.entries(weights)) {
    dice -= weight
    if (dice < 0) return act as Act
  }
  return 'send'
}
