/** Names that travel: checked once where they enter, branded so that an unchecked string cannot pass for one. */
import { BeamClawError } from './errors.ts'
import { describeValue } from './options.ts'

declare const brand: unique symbol
type Branded<T extends string> = string & { readonly [brand]: T }

/** `agent:<agentId>:<sessionId>`, lower case. Names one conversation within a tenant. */
export type SessionKey = Branded<'SessionKey'>
/** 1 to 64 of a-z, 0-9, `_` and `-`, starting with a letter or digit. */
export type AgentId = Branded<'AgentId'>
/** Same alphabet as `AgentId`. Everything below the root belongs to one tenant. */
export type TenantId = Branded<'TenantId'>
/** Same alphabet as `AgentId`. One process of a cluster. */
export type NodeId = Branded<'NodeId'>
/** 1 to 256 printable ASCII characters; the idempotency key of the message that caused the run, or one made for it. */
export type RunId = Branded<'RunId'>

/** A session key, taken apart. */
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

/** Checks and lower-cases a session key. Throws `invalid-session-key` and says which part is at fault. */
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

/** Builds a session key from its parts. Throws `invalid-session-key`. */
export function sessionKey(agentId: string, sessionId: string): SessionKey {
  // A colon here would make the rest of it part of the session.
  if (String(agentId).includes(':')) throw badKey('the agent part holds no colon')
  return parseSessionKey(`agent:${agentId}:${sessionId}`)
}

/** Takes a session key apart. */
export function sessionKeyParts(key: SessionKey): SessionKeyParts {
  const colon = key.indexOf(':', 6)
  return { agentId: key.slice(6, colon) as AgentId, sessionId: key.slice(colon + 1) }
}

/** Checks and lower-cases an agent id. Throws `invalid-id`. */
export function parseAgentId(value: unknown): AgentId {
  return parseId('agent', value) as AgentId
}

/** Checks and lower-cases a tenant id. Throws `invalid-id`. */
export function parseTenantId(value: unknown): TenantId {
  return parseId('tenant', value) as TenantId
}

/** Checks and lower-cases a node id. Throws `invalid-id`. */
export function parseNodeId(value: unknown): NodeId {
  return parseId('node', value) as NodeId
}

/** Checks a run id; case is kept. Throws `invalid-id`. */
export function parseRunId(value: unknown): RunId {
  if (typeof value !== 'string' || !runIdPattern.test(value)) {
    throw new BeamClawError(
      'invalid-id',
      `A run id takes 1 to 256 printable ASCII characters without spaces, received ${describeValue(value)}`,
    )
  }
  return value as RunId
}

/** The tenant that nobody has to mention. */
export const defaultTenant = 'default' as TenantId

function parseId(kind: string, value: unknown): string {
  if (typeof value === 'string' && idPattern.test(value)) return value.toLowerCase()
  const rule = '1 to 64 of a-z, 0-9, _ and -, starting with a letter or digit'
  throw new BeamClawError('invalid-id', `The ${kind} id takes ${rule}; received ${describeValue(value)}`, { details: { kind } })
}

function badKey(problem: string): BeamClawError {
  return new BeamClawError('invalid-session-key', `Invalid session key: ${problem}`)
}
