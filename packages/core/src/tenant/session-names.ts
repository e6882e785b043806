/** Short names of sessions: a name without a colon belongs to the first agent. */
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseSessionKey } from '../base/ids.ts'

/**
 * Returns the whole key of a name without a colon, as a session of the first of these agents; anything else as it is, for `parseSessionKey`.
 * Throws `invalid-session-key` for a name that no session may have.
 */
export function wholeKeyOf(name: string, agents: Iterable<AgentId>): string {
  if (typeof name !== 'string' || name.includes(':')) return name
  const [first] = agents
  if (first === undefined) {
    const problem =
      'Invalid session key: a name without a colon belongs to the first agent, and there is no agent; use agent:<agentId>:<sessionId>'
    throw new BeamClawError('invalid-session-key', problem)
  }
  const key = `agent:${first}:${name}`
  try {
    parseSessionKey(key)
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-session-key')) throw error
    const hint = `A name without a colon is a session of agent "${first}"; make the key of any other name with sessionKeyOf('${first}', name)`
    throw new BeamClawError('invalid-session-key', `${error.message}. ${hint}`, { cause: error })
  }
  return key
}
