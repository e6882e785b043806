/** Tells the other nodes of requests for approval and of decisions, so that a person hears of them at whichever node. */
import { parseSessionKey } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventListeners } from '../session/event-listeners.ts'
import type { SessionEvent } from '../session/session-event.ts'
import type { NodeLink } from './node-link.ts'

const types = ['approval-request', 'approval-decision'] as const

const tellType = 'approvals.event'

/** Called with the decisions of other nodes. */
type OnDecided = (event: Extract<SessionEvent, { readonly type: 'approval-decision' }>) => void

/** Begins to tell, and to pass on what is told, for as long as the node lives. What is lost on the way is in the list of requests. */
export function shareApprovals(cluster: Cluster, listeners: EventListeners, link: NodeLink, onDecided: OnDecided): void {
  const tellOthers = (event: SessionEvent): void => {
    for (const node of cluster.members)
      if (node.incarnation !== cluster.self.incarnation) cluster.tell(node, { type: tellType, event: event as unknown as JsonValue })
  }
  for (const type of types) listeners.add({ type, agent: undefined, tenant: undefined }, tellOthers)
  link.whenTold((body) => {
    const event = eventIn(body)
    if (event === undefined) return
    if (event.type === 'approval-decision') onDecided(event)
    listeners.tellElsewhere(event)
  })
}

/** Returns the event that another node tells; undefined for anything else. */
function eventIn(body: JsonValue): SessionEvent | undefined {
  if (typeof body !== 'object' || body === null || !('type' in body) || body.type !== tellType) return undefined
  const { event } = body
  if (typeof event !== 'object' || event === null || !('sessionKey' in event)) return undefined
  const told = event as unknown as SessionEvent
  const isWhole =
    told.type === 'approval-request'
      ? typeof told.request?.id === 'string'
      : told.type === 'approval-decision' && typeof told.id === 'string' && typeof told.answer?.decision === 'string'
  if (!isWhole || typeof told.tenant !== 'string') return undefined
  parseSessionKey(told.sessionKey)
  return told
}
