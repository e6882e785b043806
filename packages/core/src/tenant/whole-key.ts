/** What a host names a session with: its key, a short name, or an agent and ids. */
import { BeamClawError } from '../base/errors.ts'
import type { AgentId } from '../base/ids.ts'
import { sessionKeyOf } from '../base/session-key-parts.ts'
import { keyOfName } from '../session/session-names.ts'

/**
 * Returns the key of a session that is named by its agent and ids; of a name without a colon, as a session of the first of `agents`; anything else as
 * it is, for `parseSessionKey`. Throws `invalid-session-key` for a name that no session may have, and `invalid-id`.
 */
export function wholeKeyOf(name: string | { readonly id: string }, ids: readonly string[], agents: Iterable<AgentId>): string {
  if (typeof name === 'object' && name !== null) return sessionKeyOf(name, ...(ids as [string, ...string[]]))
  if (ids.length > 0) {
    // Ignored, they would lead all of them to one session.
    const problem = 'Invalid session key: ids come after an agent, not after a string; use sessionKeyOf(agentId, ...ids)'
    throw new BeamClawError('invalid-session-key', problem)
  }
  return typeof name !== 'string' || name.includes(':') ? name : keyOfFirst(name, agents)
}

function keyOfFirst(name: string, agents: Iterable<AgentId>): string {
  const [first] = agents
  if (first === undefined) {
    const problem =
      'Invalid session key: a name without a colon belongs to the first agent, and there is no agent; use agent:<agentId>:<sessionId>'
    throw new BeamClawError('invalid-session-key', problem)
  }
  // Parsed again by its caller, which looks for names that differ in case alone.
  keyOfName(first, name)
  return `agent:${first}:${name}`
}
