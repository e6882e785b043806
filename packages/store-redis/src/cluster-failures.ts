/** The typed errors of the cluster. */
import { BeamClawError, type NodeId, type NodeRef } from '@beamclaw/core'

/** Returns `node-isolated`: this node must not act before it is a member again. */
export function isolated(retryAfterMs: number): BeamClawError {
  const problem = 'This node was cut off from its cluster, and is not a member at present. Try again'
  return new BeamClawError('node-isolated', problem, { retryAfterMs })
}

/** Returns `node-id-taken`; `owner` is the incarnation that has the id. */
export function idTaken(id: NodeId, incarnation: string): BeamClawError {
  const problem = `Another live node of the cluster has the id "${id}". Give each node its own "nodeId"`
  return new BeamClawError('node-id-taken', problem, { details: { owner: { id, incarnation } } })
}

/** Returns `fenced` for a key that another live node owns, or was handed. */
export function owned(key: string, owner: NodeRef): BeamClawError {
  const problem = `The key ${JSON.stringify(key.slice(0, 200))} belongs to the node "${owner.id}". Send to it, or wait until it releases the key`
  return new BeamClawError('fenced', problem, { details: { owner } })
}

/** Returns `node-gone`; `reason` completes "because". Unless the node died, it is certain that the message was not delivered. */
export function nodeGone(
  node: NodeRef,
  reason: string,
  { cause, isUndelivered }: { readonly cause?: unknown; readonly isUndelivered: boolean },
): BeamClawError {
  const problem = `The node "${node.id}" cannot answer: ${reason}. Try again: another node takes its work over`
  return new BeamClawError('node-gone', problem, {
    cause,
    details: { node: { id: node.id, incarnation: node.incarnation }, ...(isUndelivered ? { isUndelivered } : {}) },
  })
}

/** Returns `call-timeout` for a request of which nothing is known. */
export function unanswered(node: NodeRef, reason: string): BeamClawError {
  const problem = `The node "${node.id}" has not answered: ${reason}. The request may have been carried out`
  return new BeamClawError('call-timeout', problem, { details: { node: { id: node.id, incarnation: node.incarnation } } })
}

/** Why a life is over that the server does not list. */
export const notListed = 'Redis does not list this node any more: the others took it for dead, or the data of the cluster were removed'
