/** An agent is configuration, never a process: which model answers, and how it is told to. */
import { type AgentId, parseAgentId } from '../ids.ts'
import { checkOptions, integer, text } from '../options.ts'

export interface AgentOptions {
  /** 1 to 64 of a-z, 0-9, `_` and `-`. */
  readonly id: string
  /** `<provider>/<model>`. */
  readonly model: string
  /** The system prompt. @default none */
  readonly system?: string
  /** Provider calls one run may make. @default 50 */
  readonly maxTurns?: number
}

/** What an agent gets that says nothing else. */
export const agentDefaults = { maxTurns: 50 } as const satisfies Partial<AgentOptions>

export interface AgentDefinition {
  readonly id: AgentId
  readonly model: string
  readonly system: string | undefined
  readonly maxTurns: number
}

/** Checks an agent's configuration. Throws `invalid-option` or `invalid-id`. */
export function defineAgent(options: AgentOptions): AgentDefinition {
  checkOptions<AgentOptions>('defineAgent', options, { id: text(64), model: modelRule, system: text(1_000_000), maxTurns: integer(1) }, [
    'id',
    'model',
  ])
  return {
    id: parseAgentId(options.id),
    model: options.model,
    system: options.system,
    maxTurns: options.maxTurns ?? agentDefaults.maxTurns,
  }
}

function modelRule(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+\/\S+$/.test(value) ? undefined : 'of the form <provider>/<model>'
}
