/** Where a key without an owner is to be started: weighted rendezvous hashing, and of the two best nodes the one that has less to do. Pure. */
import type { BeamClawError } from '../base/errors.ts'
import type { Member, NodeRef } from '../ports/cluster.ts'

/**
 * Returns the node for a key; undefined when no member is up. The same members give the same two nodes everywhere, and a node that joins or leaves moves
 * only its own share. Nodes that read the newest journals are preferred: any of them may write in that format.
 *
 * @example
 * placementOf('default:agent:main:chat-7', cluster.members)
 */
export function placementOf(key: string, members: readonly Member[]): NodeRef | undefined {
  const up = members.filter(({ state }) => state === 'up')
  const newest = Math.max(...up.map(({ records }) => records[1]))
  const ranked = up
    .filter(({ records }) => records[1] === newest)
    .map((member) => ({ member, score: hashOf(`${member.id}\n${key}`) }))
    .sort((a, b) => b.score - a.score || (a.member.id < b.member.id ? -1 : 1))
  const [first, second] = ranked
  if (first === undefined) return undefined
  // A little more load moves nothing: it changes with each message.
  const isBusier = second !== undefined && first.member.load > 2 * second.member.load + 20
  const { id, incarnation } = (isBusier ? second : first).member
  return { id, incarnation }
}

/** Returns the node that a `fenced` or `moved` names as the owner; undefined when it names none. */
export function ownerIn(error: BeamClawError): NodeRef | undefined {
  const { owner } = error.details
  if (typeof owner !== 'object' || owner === null) return undefined
  const { id, incarnation } = owner as Partial<NodeRef>
  return typeof id === 'string' && typeof incarnation === 'string' ? { id, incarnation } : undefined
}

/** FNV-1a over UTF-16 code units, with the finalizer of MurmurHash3: neighbouring names must not give neighbouring scores. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
