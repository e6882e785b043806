/** Moves sessions without work from node to node, as a cluster does that evens out its loads. */
import { giveSession } from '@beamclaw/core/testing'
import type { Trace } from '../trace.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** Virtual milliseconds between two looks for sessions that have come to rest. */
const lookEveryMs = 50

export interface GivenSessions {
  readonly sessions: readonly string[]
  readonly nodes: readonly SimulatedNode[]
  readonly to: SimulatedNode
  readonly trace: Trace
  readonly later: (ms: number, act: () => void) => void
}

/** Has each node give those of the sessions that it has, and that have no work, to one of the nodes; for so many milliseconds, those that come to rest, too. */
export function giveSessions(given: GivenSessions, forMs: number): void {
  const { sessions, nodes, to, trace, later } = given
  for (const { id, running } of nodes) {
    if (running === undefined) continue
    for (const session of sessions)
      void giveSession(running, session, to.id).then((hasLeft) => {
        if (hasLeft) trace.add(`${session} is given from ${id} to ${to.id}`)
      })
  }
  if (forMs > 0) later(lookEveryMs, () => giveSessions(given, forMs - lookEveryMs))
}
