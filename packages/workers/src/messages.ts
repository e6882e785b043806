/** What the parent and its workers send each other. What arrives is checked: a tool in a worker may have written to the channel. */
import type { JsonValue, Member, MemberState, NodeRef, VersionRange } from '@beamclaw/core'

/** `host`: for core. `store`: for the shards of the other worker, which answers before it is a member and after. */
export type Scope = 'host' | 'store'

export type MailKind = 'ask' | 'answer' | 'error' | 'tell'

/** A message from one worker to another, as its sender hands it over. The body is JSON text, which the parent does not read. */
export interface OutMail {
  readonly t: 'mail'
  readonly kind: MailKind
  readonly scope: Scope
  /** 0 for a `tell`. */
  readonly id: number
  /** The incarnation of the other worker. */
  readonly to: string
  readonly text: string
}

/** The same as its receiver gets it; the parent fills in who sent it. */
export interface InMail extends Omit<OutMail, 'to'> {
  readonly from: NodeRef
}

/** What a worker asks its parent. */
export type Operation =
  | { readonly op: 'join'; readonly wire: VersionRange; readonly records: VersionRange }
  | { readonly op: 'announce'; readonly state?: MemberState; readonly load?: number }
  | { readonly op: 'acquire'; readonly key: string; readonly above: number }
  | { readonly op: 'release'; readonly key: string; readonly nonce: string; readonly to?: NodeRef }
  | { readonly op: 'locate'; readonly key: string }
  | { readonly op: 'leave' }
  /** The worker has given the shard away, as it was asked to. */
  | { readonly op: 'yielded'; readonly shard: number }

export interface OperationMessage {
  readonly t: 'op'
  readonly id: number
  readonly what: Operation
}

/** What all workers know: who is a member, and which worker has which shard. */
export interface View {
  readonly t: 'view'
  readonly members: readonly Member[]
  /** One for each shard; null while no worker has it. */
  readonly shards: readonly (NodeRef | null)[]
  /** Shards of which another worker than theirs still has sessions in memory: where a session of them is, the parent knows. */
  readonly mixed: readonly number[]
  /** Incarnations whose processes have ended since the last view. */
  readonly gone: readonly string[]
}

export type ToParent = OutMail | OperationMessage | { readonly t: 'pong' }

export type ToWorker =
  | InMail
  | View
  | { readonly t: 'ping' }
  /** The worker is to give the shard away. */
  | { readonly t: 'yield'; readonly shard: number }
  /** The mail with this id reached no worker. */
  | { readonly t: 'lost'; readonly id: number }
  | { readonly t: 'done'; readonly id: number; readonly result: JsonValue }
  | { readonly t: 'failed'; readonly id: number; readonly error: JsonValue }

const kinds: readonly unknown[] = ['ask', 'answer', 'error', 'tell']

/** Longest name of a key, in UTF-16 units. */
const longestKey = 4_096

/** Returns what a worker sent, or undefined for what is no message. */
export function readFromWorker(value: unknown): ToParent | undefined {
  if (!isRecord(value)) return undefined
  if (value.t === 'pong') return { t: 'pong' }
  if (value.t === 'mail') {
    const { kind, scope, id, to, text } = value
    const isMail =
      kinds.includes(kind) && (scope === 'host' || scope === 'store') && isId(id) && typeof to === 'string' && typeof text === 'string'
    return isMail ? ({ t: 'mail', kind, scope, id, to, text } as OutMail) : undefined
  }
  if (value.t !== 'op' || !isId(value.id) || !isRecord(value.what)) return undefined
  const what = readOperation(value.what)
  return what === undefined ? undefined : { t: 'op', id: value.id, what }
}

function readOperation(given: Readonly<Record<string, unknown>>): Operation | undefined {
  const { op, key } = given
  if (op === 'leave') return { op }
  if (op === 'yielded') return isId(given.shard) ? { op, shard: given.shard } : undefined
  if (op === 'join') return isRange(given.wire) && isRange(given.records) ? { op, wire: given.wire, records: given.records } : undefined
  if (op === 'announce') {
    const { state, load } = given
    if (state !== undefined && state !== 'up' && state !== 'draining') return undefined
    if (load !== undefined && !(typeof load === 'number' && Number.isFinite(load) && load >= 0)) return undefined
    return { op, ...(state === undefined ? {} : { state }), ...(load === undefined ? {} : { load }) }
  }
  if (typeof key !== 'string' || key.length > longestKey) return undefined
  if (op === 'locate') return { op, key }
  if (op === 'acquire') return isId(given.above) ? { op, key, above: given.above } : undefined
  if (op !== 'release' || typeof given.nonce !== 'string') return undefined
  if (given.to === undefined) return { op, key, nonce: given.nonce }
  return isNodeRef(given.to) ? { op, key, nonce: given.nonce, to: given.to } : undefined
}

export function isNodeRef(value: unknown): value is NodeRef {
  return isRecord(value) && typeof value.id === 'string' && typeof value.incarnation === 'string'
}

function isRange(value: unknown): value is VersionRange {
  return Array.isArray(value) && value.length === 2 && value.every((version) => Number.isSafeInteger(version))
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
