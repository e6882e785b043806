/** An agent is configuration, never a process: which model answers, and how it is told to. */

import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId } from '../base/ids.ts'
import { anArray, checkOptions, integer, invalidOption, oneOf, text } from '../base/options.ts'
import type { ThinkingLevel } from '../ports/provider.ts'
import type { Tool } from '../tool/tool.ts'

export interface AgentOptions {
  /** 1 to 64 of a-z, 0-9, `_` and `-`. */
  readonly id: string
  /** `<provider>/<model>`. */
  readonly model: string
  /** The system prompt. @default none */
  readonly system?: string
  /** What the model may call. @default [] */
  readonly tools?: readonly Tool[]
  /** Provider calls one run may make. @default 50 */
  readonly maxTurns?: number
  /** Estimated tokens of history above which the oldest messages give way to a summary. @default 120000 */
  readonly compactAboveTokens?: number
  /** How hard the model thinks before it answers. @default 'off' */
  readonly thinking?: ThinkingLevel
}

/** Defaults for an agent. */
export const agentDefaults = { maxTurns: 50, compactAboveTokens: 120_000, thinking: 'off' } as const satisfies Partial<AgentOptions>

export interface AgentDefinition {
  readonly id: AgentId
  readonly model: string
  readonly system: string | undefined
  readonly tools: ReadonlyMap<string, Tool>
  readonly maxTurns: number
  readonly compactAboveTokens: number
  readonly thinking: ThinkingLevel
}

/**
 * Checks an agent's configuration and fills in the defaults. Throws `invalid-option` or `invalid-id`.
 *
 * @example
 * const ops = defineAgent({ id: 'ops', model: 'anthropic/claude-sonnet-5', tools: [deploy] })
 */
export function defineAgent(options: AgentOptions): AgentDefinition {
  return definitionOf('defineAgent', options)
}

/** As `defineAgent`; `owner` begins the messages. */
export function definitionOf(owner: string, options: AgentOptions): AgentDefinition {
  checkOptions<AgentOptions>(
    owner,
    options,
    {
      id: text(64),
      model: modelRule,
      system: text(1_000_000),
      tools: anArray,
      maxTurns: integer(1),
      compactAboveTokens: integer(1_000),
      thinking: oneOf('off', 'low', 'medium', 'high'),
    },
    ['id', 'model'],
  )
  return {
    id: parseAgentId(options.id),
    model: options.model,
    system: options.system?.toWellFormed(),
    tools: toolsByName(owner, options),
    maxTurns: options.maxTurns ?? agentDefaults.maxTurns,
    compactAboveTokens: options.compactAboveTokens ?? agentDefaults.compactAboveTokens,
    thinking: options.thinking ?? agentDefaults.thinking,
  }
}

function toolsByName(owner: string, { id, tools = [] }: AgentOptions): ReadonlyMap<string, Tool> {
  const byName = new Map<string, Tool>()
  for (const [index, tool] of tools.entries()) {
    const name: unknown = tool?.declaration?.name
    if (typeof name !== 'string') throw invalidOption(owner, `tools[${index}]`, 'a tool made by defineTool()', tool)
    if (byName.has(name)) throw new BeamClawError('invalid-option', `${owner}: two tools of agent "${id}" have the same name, "${name}"`)
    byName.set(name, tool)
  }
  return byName
}

/** The rule for the name of a model. */
export function modelRule(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+\/\S+$/.test(value) ? undefined : 'of the form <provider>/<model>'
}
