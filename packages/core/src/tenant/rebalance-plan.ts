/** Whether a node gives some of its sessions away, how many, and to which node. Pure. */
import type { Member, NodeRef } from '../ports/cluster.ts'

/** A node gives one of so many sessions at rest, but at least one. */
const oneOf = 50

/** A node gives sessions while its load is more than so many times the mean of the nodes that are up, and so much above it. */
const timesMean = 1.25
const leastAboveMean = 20

/** What a node knows when it decides. */
export interface RebalanceInput {
  readonly self: NodeRef
  readonly members: readonly Member[]
  /** Sessions of this node that are in memory and have no work. */
  readonly resting: number
}

export interface RebalancePlan {
  readonly to: Member
  /** At least 1. */
  readonly count: number
}

/**
 * Returns the node to which this one gives sessions, and how many; undefined for none. A node that drains is about to change the loads of all others, so
 * nothing is moved then.
 *
 * @example
 * rebalancePlan({ self: cluster.self, members: cluster.members, resting: 120 })
 */
export function rebalancePlan({ self, members, resting }: RebalanceInput): RebalancePlan | undefined {
  const own = members.find(({ incarnation }) => incarnation === self.incarnation)
  if (own === undefined || members.some(({ state }) => state !== 'up')) return undefined
  const mean = members.reduce((sum, { load }) => sum + load, 0) / members.length
  if (own.load <= timesMean * mean || own.load < mean + leastAboveMean) return undefined
  const to = leastLoaded(members.filter((member) => member !== own && readsTheSame(member, own)))
  if (to === undefined) return undefined
  const count = Math.min(resting, Math.max(1, Math.floor(resting / oneOf)), roomFor(to.load, own.load))
  return count < 1 ? undefined : { to, count }
}

/** Returns the number of sessions that a node can take from another one, so that it has no more to do than that one then. */
export function roomFor(load: number, sourceLoad: number): number {
  return Math.max(0, Math.floor((sourceLoad - load) / 2))
}

function leastLoaded(members: readonly Member[]): Member | undefined {
  return [...members].sort((a, b) => a.load - b.load || (a.id < b.id ? -1 : 1))[0]
}

/** Each can read what the other writes. */
function readsTheSame(a: Member, b: Member): boolean {
  return a.records[0] === b.records[0] && a.records[1] === b.records[1]
}
