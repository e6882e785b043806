/** Whether a call asks before it runs. Pure. */
import type { AgentId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { AskMode } from '../tool/tool-plan.ts'

/** What a function of ask modes decides by. */
export interface AskedCall {
  readonly tenant: TenantId
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  readonly toolName: string
  /** As the tool gets it, not parsed. */
  readonly input: JsonValue
  readonly risk: 'low' | 'high'
}

/** An ask mode, or a function of the call that returns one. One that throws, or returns something else, counts as `always`. */
export type AskModeRule = AskMode | ((call: AskedCall) => AskMode)

const modes: readonly unknown[] = ['off', 'onMiss', 'always'] satisfies readonly AskMode[]

/** The rule of an option: an ask mode or a function. */
export function anAskMode(value: unknown): string | undefined {
  return typeof value === 'function' || modes.includes(value) ? undefined : "'off', 'onMiss', 'always' or a function"
}

/** Returns the mode of a call: by the first of the rules that is there (the tool's, the agent's, the tenant's), and without one by its risk. */
export function askModeOf(call: AskedCall, rules: readonly (AskModeRule | undefined)[]): AskMode {
  const rule = rules.find((one) => one !== undefined)
  if (rule === undefined) return call.risk === 'high' ? 'onMiss' : 'off'
  if (typeof rule !== 'function') return rule
  try {
    const mode: unknown = rule(call)
    return modes.includes(mode) ? (mode as AskMode) : 'always'
  } catch {
    return 'always'
  }
}
