/** Whether grants cover what a call does. Pure. */

import type { Grant } from '../base/approval.ts'
import type { AgentId, SessionKey } from '../base/ids.ts'
import type { Permit } from '../tool/tool-plan.ts'

/** Where a call comes from. */
export interface CallOrigin {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
}

/** For whom a session acts; without an agent, grants of agents do not count. */
export interface ActedFor {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId | undefined
}

/** Returns whether grants cover each permit: also where a call needs none, but not where it says nothing of permits and so cannot be remembered. */
export function isCovered(permits: readonly Permit[] | undefined, origin: ActedFor, grants: Iterable<Grant>): boolean {
  if (permits === undefined) return false
  const own = [...grants].filter((grant) => reaches(grant, origin))
  return permits.every((permit) => own.some((grant) => covers(grant, permit)))
}

function reaches({ scope, sessionKey, agentId }: Grant, origin: ActedFor): boolean {
  if (scope === 'tenant') return true
  return scope === 'agent' ? agentId === origin.agentId : sessionKey === origin.sessionKey
}

/** Returns whether a pattern covers a permit: the same subject, and all arguments. */
export function covers({ subject, args }: Pick<Grant, 'subject' | 'args'>, permit: Permit): boolean {
  if (subject !== permit.subject) return false
  const isOpen = args.at(-1) === '**'
  const fixed = isOpen ? args.slice(0, -1) : args
  if (isOpen ? permit.args.length < fixed.length : permit.args.length !== fixed.length) return false
  return fixed.every((pattern, index) => pattern === '*' || plainOf(pattern) === permit.args[index])
}

/** Returns the pattern that stands for just this argument. */
export function exactly(argument: string): string {
  return /^[*\\]/.test(argument) ? `\\${argument}` : argument
}

function plainOf(pattern: string): string {
  return pattern.startsWith('\\') ? pattern.slice(1) : pattern
}
