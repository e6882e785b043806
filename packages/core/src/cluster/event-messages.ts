/** What nodes say to each other about events of sessions. What arrives is checked: a message may be forged, or come from another version. Pure. */
import type { RunEvent } from '../base/events.ts'
import type { NodeId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { NodeRef } from '../ports/cluster.ts'

/** Asks the owner of a session for the events of a topic. `id` is above that of every earlier request of this node. The reply is a `ListenReply`. */
export interface ListenRequest {
  readonly type: 'events.listen'
  readonly id: number
  readonly topic: string
}

/** Keeps what this node listens to. The reply is a `RenewReply`. */
export interface RenewRequest {
  readonly type: 'events.renew'
  readonly ids: readonly number[]
}

/** `head` is the number of the last event that was sent. */
export interface ListenReply {
  readonly head: number
}

/** The head of each id; null for one that the node does not know: what was published since then is lost. */
export interface RenewReply {
  readonly heads: readonly (number | null)[]
}

/** The event number `n` of what `id` listens to; null for one that is too large for the way, which the journal may have. */
export type NumberedEvent = readonly [id: number, n: number, event: RunEvent | null]

/** Events that were published, in order. */
export interface EventsTell {
  readonly type: 'events.batch'
  readonly events: readonly NumberedEvent[]
}

/** This node does not listen any more. */
export interface LeaveTell {
  readonly type: 'events.leave'
  readonly ids: readonly number[]
}

/** The sessions behind these ids have left the node, which has forgotten the ids. */
export interface MovedTell {
  readonly type: 'events.moved'
  readonly ids: readonly number[]
  /** Where they are now, if that is known. */
  readonly to?: NodeRef
}

/** Maximum ids in one message. */
export const maxIds = 1_000

/** Maximum UTF-8 bytes of the events in one tell, and of one event. */
export const maxBatchBytes = 1_048_576

/** What a batch counts for each event, besides its content. */
export const minEventBytes = 64

const maxEvents = maxBatchBytes / minEventBytes

const incarnationPattern = /^[A-Za-z0-9_-]{1,64}$/
const nodePattern = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Returns the request; undefined for what is none. */
export function readEventsRequest(body: JsonValue): ListenRequest | RenewRequest | undefined {
  if (!isObject(body)) return undefined
  const { type, id, topic, ids } = body
  if (type === 'events.listen' && isCount(id, 1) && typeof topic === 'string') return { type, id, topic }
  if (type === 'events.renew' && areIds(ids)) return { type, ids }
  return undefined
}

/** Returns the message; undefined for what is none. */
export function readEventsTell(body: JsonValue): EventsTell | LeaveTell | MovedTell | undefined {
  if (!isObject(body)) return undefined
  const { type, ids, events, to } = body
  if (type === 'events.batch' && areEvents(events)) return { type, events }
  if (type === 'events.leave' && areIds(ids)) return { type, ids }
  if (type !== 'events.moved' || !areIds(ids)) return undefined
  return isNodeRef(to) ? { type, ids, to } : { type, ids }
}

/** Returns the head; undefined for a reply that cannot be read. */
export function readListenReply(body: JsonValue): number | undefined {
  return isObject(body) && isCount(body.head, 0) ? body.head : undefined
}

/** Returns the heads of so many ids; undefined for a reply that cannot be read. */
export function readRenewReply(body: JsonValue, count: number): readonly (number | null)[] | undefined {
  if (!isObject(body) || !Array.isArray(body.heads) || body.heads.length !== count) return undefined
  const heads: readonly JsonValue[] = body.heads
  return heads.every((head) => head === null || isCount(head, 0)) ? (heads as readonly (number | null)[]) : undefined
}

/** Returns true for an object that is no array. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns true for a whole number of at least `minimum`. */
export function isCount(value: JsonValue | undefined, minimum: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum
}

function areIds(value: JsonValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= maxIds && value.every((id) => isCount(id, 1))
}

function isNodeRef(value: JsonValue | undefined): value is JsonObject & { readonly id: NodeId; readonly incarnation: string } {
  if (!isObject(value) || typeof value.id !== 'string' || typeof value.incarnation !== 'string') return false
  return nodePattern.test(value.id) && incarnationPattern.test(value.incarnation)
}

function areEvents(value: JsonValue | undefined): value is JsonValue & readonly NumberedEvent[] {
  return Array.isArray(value) && value.length <= maxEvents && value.every(isNumberedEvent)
}

function isNumberedEvent(value: JsonValue): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [id, n, event] = value as readonly JsonValue[]
  return isCount(id, 1) && isCount(n, 1) && (event === null || isEvent(event))
}

/** Returns true for what has the fields by which readers tell events apart. An event of a type that this version does not know is one all the same. */
export function isEvent(value: JsonValue | undefined): value is JsonObject {
  if (!isObject(value)) return false
  const { type, sessionKey, runId, seq } = value
  if (typeof type !== 'string' || typeof sessionKey !== 'string' || typeof runId !== 'string') return false
  return seq === undefined || isCount(seq, 1)
}
