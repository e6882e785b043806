/** The invariants of the nodes of a cluster once all work has ended. */
import type { RunningBeamClaw } from '@beamclaw/core'
import { partTree } from '@beamclaw/core/testing'
import type { DurableHistory } from '../durable-history.ts'
import type { Trace } from '../trace.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import type { SimulatedNode } from './simulated-node.ts'

/**
 * Checks I9 of a session: all nodes agree where it is, and it is in memory nowhere else. One that leaves memory in that moment has given its place up before it
 * has ended, so what is wrong must be wrong a second later, too.
 */
export async function checkOwners(session: string, nodes: readonly SimulatedNode[], trace: Trace, clock: VirtualClock): Promise<void> {
  if ((await disagreement(session, nodes, clock)) === undefined) return
  await clock.advance(1_000)
  const problem = await disagreement(session, nodes, clock)
  if (problem !== undefined) trace.fail('I9', problem)
}

async function disagreement(session: string, nodes: readonly SimulatedNode[], clock: VirtualClock): Promise<string | undefined> {
  const located = Promise.all(nodes.map(async ({ cluster }) => cluster?.locate(`default:${session}`)))
  await clock.advance(100)
  const places = await located
  const [first] = places
  const said = places.map((place) => place?.node.incarnation)
  if (new Set(said).size > 1) return `the nodes say that ${session} is at ${said.join(', ')}`
  for (const { id, running, cluster } of nodes) {
    const isHere = running !== undefined && childrenOf(running, 'sessions').includes(session)
    const isOwner = first?.isOwner === true && first.node.incarnation === cluster?.self.incarnation
    if (isHere && !isOwner) return `${session} is in memory at ${id}, and its place is ${first?.node.id ?? 'nowhere'}`
  }
  return undefined
}

/** Checks that only nodes that live have lists of busy sessions, and that none of them counts a session as busy. */
export async function checkWorkLists(
  nodes: readonly SimulatedNode[],
  history: DurableHistory,
  trace: Trace,
  clock: VirtualClock,
): Promise<void> {
  const alive = new Set(nodes.map(({ cluster }) => `work:${cluster?.self.incarnation ?? ''}`))
  const left = history.workLists.filter((name) => !alive.has(name))
  if (left.length > 0) trace.fail('I8', `lists of dead nodes are left: ${left.join(', ')}`)
  const told = nodes[0]?.running?.cluster.status()
  await clock.advance(3_000)
  for (const { id, activity, problem } of (await told) ?? []) {
    if (problem !== undefined) trace.fail('I9', `${id} does not tell what it does: ${problem}`)
    const busy = activity?.busySessions ?? 0
    if (busy > 0) trace.fail('I8', `${id} counts ${busy} sessions at rest as busy`)
  }
}

/** Stops the nodes and checks I8 of each: no subscription, no timer, no actor is left. */
export async function checkNodesStopped(nodes: readonly SimulatedNode[], trace: Trace, clock: VirtualClock): Promise<void> {
  for (const node of nodes) {
    const { running, id, owner } = node
    const open = node.openTopics
    if (open.length > 0) trace.fail('I8', `subscriptions are left open at ${id}: ${open.join(', ')}`)
    const isDown = node.leave(0).then(() => true)
    await clock.advance(6_000)
    if (!(await Promise.race([isDown, clock.advance(0).then(() => false)]))) trace.fail('I8', `${id} does not stop`)
    const pending = clock.pendingTimers(owner)
    if (pending > 0) trace.fail('I8', `${pending} timers of ${id} are left pending`)
    const children = running === undefined ? 0 : childrenOf(running, 'sessions').length + childrenOf(running, 'tools').length
    if (children > 0) trace.fail('I8', `${children} actors are left in the tree of ${id}`)
  }
}

function childrenOf(running: RunningBeamClaw, part: string): readonly string[] {
  return partTree(running, part)?.children?.map(({ id }) => id) ?? []
}
