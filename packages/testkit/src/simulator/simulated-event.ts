/** The events of a simulation, and their frequencies. */
import type { Random } from '@beamclaw/core'

/** The frequency of each event, in percent. */
const weights = {
  send: 44,
  repeat: 8,
  abort: 12,
  subscribe: 7,
  leave: 3,
  inspect: 4,
  'kill-branch': 3,
  'wall-jump': 2,
  mismatch: 3,
  'look-unknown': 3,
  idle: 5,
  kill: 6,
} as const

type Act = keyof typeof weights

/** Something that is done, or something that goes wrong. */
export type SimulatedEvent = Act | 'store-failure' | 'slow-store' | 'model-failure'

/** One of the things that are done. */
export function pickEvent(random: Random): Act {
  let dice = random.next() * 100
  for (const [act, weight] of Object.entries(weights)) {
    dice -= weight
    if (dice < 0) return act as Act
  }
  return 'send'
}
