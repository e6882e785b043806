/** Encodes any text in a session key and decodes it: keys ignore case and allow few characters, ids of a host application may use any. */
import { describeValue, guardedRead } from '@beamclaw/actor/internal'
import { BeamClawError } from './errors.ts'
import { maxSessionKeyLength, parseAgentId, parseSessionKey, type SessionKey, sessionKeyParts } from './ids.ts'

/** Kept as they are; a dot only between two other characters. */
const plain = /[a-z0-9_@+-]/
const codes = /==([0-9a-f]{4})|=([0-9a-f]{2})/g

/**
 * Returns the key of a session that is named by its agent and by ids of the host, whatever characters they hold: `agent:<agentId>:<part>:<part>…`.
 * Two lists of parts never have the same key, also when they differ in case alone. `a`-`z`, `0`-`9`, `_ - @ +` and a dot inside stay as they
 * are; other characters become `=` and two hex digits, or `==` and four. Throws `invalid-session-key` for a part that is not a string and
 * for a key of more than 512 characters, with `details.length`, and `invalid-id` for the agent.
 *
 * @example
 * sessionKeyOf('main', 'user_Ab', 'thread 7') // 'agent:main:user_=41b:thread=207'
 */
export function sessionKeyOf(agent: string | { readonly id: string }, ...parts: readonly [string, ...string[]]): SessionKey {
  if (parts.length === 0) throw new BeamClawError('invalid-session-key', 'sessionKeyOf: expected at least one part after the agent id')
  const key = [
    'agent',
    guardedRead('sessionKeyOf', 'agent', () => parseAgentId(typeof agent === 'string' ? agent : agent?.id)),
    ...parts.map(encodePart),
  ].join(':')
  if (key.length <= maxSessionKeyLength) return parseSessionKey(key)
  const advice = 'use shorter ids, or a digest of them; capitals and most punctuation take 3 characters, others up to 6'
  const problem = `The session key of these parts has ${key.length} characters or more, and may have ${maxSessionKeyLength}; ${advice}`
  throw new BeamClawError('invalid-session-key', problem, { details: { length: key.length, limit: maxSessionKeyLength } })
}

/**
 * Returns what `sessionKeyOf` was given: the agent id, then the parts. Throws `invalid-session-key` for a key that it does not make.
 *
 * @example
 * sessionKeyPartsOf('agent:main:user_=41b:thread=207') // ['main', 'user_Ab', 'thread 7']
 */
export function sessionKeyPartsOf(key: string): readonly [agentId: string, ...parts: [string, ...string[]]] {
  const { agentId, sessionId } = sessionKeyParts(parseSessionKey(key))
  const parts = sessionId.split(':').map(decodePart) as [string, ...string[]]
  // A key that does not encode to itself again was not made by `sessionKeyOf`.
  if (sessionKeyOf(agentId, ...parts) === key) return [agentId, ...parts]
  throw new BeamClawError('invalid-session-key', 'Invalid session key: expected a key made by sessionKeyOf()')
}

function encodePart(part: string, index: number): string {
  if (typeof part !== 'string') {
    throw new BeamClawError('invalid-session-key', `sessionKeyOf: part ${index + 1} must be a string, received ${describeValue(part)}`)
  }
  // A part that could outgrow the key by itself is not written out in full.
  if (part.length > maxSessionKeyLength) return 'x'.repeat(part.length)
  if (part === '') return '='
  return part.split('').map(encodeUnit).join('')
}

function encodeUnit(unit: string, index: number, units: readonly string[]): string {
  if (plain.test(unit)) return unit
  if (unit === '.' && index > 0 && index < units.length - 1 && units[index - 1] !== '.') return unit
  const code = unit.charCodeAt(0).toString(16)
  return code.length <= 2 ? `=${code.padStart(2, '0')}` : `==${code.padStart(4, '0')}`
}

function decodePart(text: string): string {
  if (text === '=') return ''
  return text.replaceAll(codes, (_, wide?: string, narrow?: string) => String.fromCharCode(Number.parseInt(wide ?? narrow ?? '', 16)))
}
