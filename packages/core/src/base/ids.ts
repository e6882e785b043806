/** Names that come from outside: checked once on entry, and branded, so that an unchecked string is no valid argument. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from './errors.ts'

declare const brand: unique symbol
type Branded<T extends string> = string & { readonly [brand]: T }

/** `agent:<agentId>:<sessionId>`, lower case. Names one conversation within a tenant. */
export type SessionKey = Branded<'SessionKey'>
/** 1 to 64 of a-z, 0-9, `_` and `-`, starting with a letter or digit. */
export type AgentId = Branded<'AgentId'>
/** Same alphabet as `AgentId`. Names a tenant, to which sessions and their data belong. */
export type TenantId = Branded<'TenantId'>
/** Same alphabet as `AgentId`. Names one process of a cluster. */
export type NodeId = Branded<'NodeId'>
/** 1 to 256 printable ASCII characters; the idempotency key of the message that caused the run, or one made for it. */
export type RunId = Branded<'RunId'>

/** The parts of a session key. */
export interface SessionKeyParts {
  readonly agentId: AgentId
  /** Everything after the second colon; may hold colons itself. */
  readonly sessionId: string
}

/** Longest session key, in characters; the gateway protocol has the same limit. */
export const maxSessionKeyLength = 512

// ASCII ranges are spelled out: case-insensitive matching would let look-alikes such as the Kelvin sign through.
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const sessionIdPattern = /^[A-Za-z0-9+@_=-](?:[A-Za-z0-9_.:@+=-]*[A-Za-z0-9_@+=-])?$/
const runIdPattern = /^[\x21-\x7e]{1,256}$/

/**
 * Returns a session key, checked and lower-cased. Throws `invalid-session-key`, with the part that is wrong.
 *
 * @example
 * parseSessionKey('agent:Main:chat-7') // → 'agent:main:chat-7'
 */
export function parseSessionKey(value: unknown): SessionKey {
  if (typeof value !== 'string') throw badKey(`expected a string, received ${describeValue(value)}`)
  if (value.length > maxSessionKeyLength) throw badKey(`longer than ${maxSessionKeyLength} characters`)
  const first = value.indexOf(':')
  const second = value.indexOf(':', first + 1)
  if (first < 0 || second < 0 || value.slice(0, first).toLowerCase() !== 'agent') {
    throw badKey('expected the form agent:<agentId>:<sessionId>')
  }
  if (!idPattern.test(value.slice(first + 1, second))) {
    throw badKey('the agent part takes 1 to 64 of a-z, 0-9, _ and -, and starts with a letter or digit')
  }
  const sessionId = value.slice(second + 1)
  if (!sessionIdPattern.test(sessionId) || sessionId.includes('..') || sessionId.includes('::')) {
    throw badKey('the session part takes a-z, 0-9 and _ - . : @ + =, without .. or :: and without . or : at either end')
  }
  return value.toLowerCase() as SessionKey
}

/**
 * Returns the session key with these parts. Throws `invalid-session-key`.
 *
 * @example
 * sessionKey('main', 'chat-7') // → 'agent:main:chat-7'
 */
export function sessionKey(agentId: string, sessionId: string): SessionKey {
  // A colon here would make the rest of it part of the session.
  if (typeof agentId !== 'string') throw badKey(`the agent part must be a string, received ${describeValue(agentId)}`)
  if (typeof sessionId !== 'string') throw badKey(`the session part must be a string, received ${describeValue(sessionId)}`)
  if (agentId.includes(':')) throw badKey('the agent part holds no colon')
  return parseSessionKey(`agent:${agentId}:${sessionId}`)
}

/**
 * Returns the parts of a session key.
 *
 * @example
 * sessionKeyParts(sessionKey('main', 'chat-7')) // → { agentId: 'main', sessionId: 'chat-7' }
 */
export function sessionKeyParts(key: SessionKey): SessionKeyParts {
  const colon = key.indexOf(':', 6)
  return { agentId: key.slice(6, colon) as AgentId, sessionId: key.slice(colon + 1) }
}

/**
 * Returns an agent id, checked and lower-cased. Throws `invalid-id`.
 *
 * @example
 * parseAgentId('Main') // → 'main'
 */
export function parseAgentId(value: unknown): AgentId {
  return parseId('agent', value) as AgentId
}

/**
 * Returns a tenant id, checked and lower-cased. Throws `invalid-id`.
 *
 * @example
 * parseTenantId('Acme') // → 'acme'
 */
export function parseTenantId(value: unknown): TenantId {
  return parseId('tenant', value) as TenantId
}

/**
 * Returns a node id, checked and lower-cased. Throws `invalid-id`.
 *
 * @example
 * parseNodeId('node-1') // → 'node-1'
 */
export function parseNodeId(value: unknown): NodeId {
  return parseId('node', value) as NodeId
}

/**
 * Returns a run id, checked; case is kept. Throws `invalid-id`.
 *
 * @example
 * parseRunId('order-42') // → 'order-42'
 */
export function parseRunId(value: unknown): RunId {
  if (typeof value !== 'string' || !runIdPattern.test(value)) {
    throw new BeamClawError(
      'invalid-id',
      `A run id takes 1 to 256 printable ASCII characters without spaces, received ${describeValue(value)}`,
    )
  }
  return value as RunId
}

/** Default tenant, used when no tenant is named. */
export const defaultTenant = 'default' as TenantId

function parseId(kind: string, value: unknown): string {
  if (typeof value === 'string' && idPattern.test(value)) return value.toLowerCase()
  const rule = '1 to 64 of a-z, 0-9, _ and -, starting with a letter or digit'
  throw new BeamClawError('invalid-id', `The ${kind} id takes ${rule}; received ${describeValue(value)}`, { details: { kind } })
}

function badKey(problem: string): BeamClawError {
  return new BeamClawError('invalid-session-key', `Invalid session key: ${problem}`)
}
