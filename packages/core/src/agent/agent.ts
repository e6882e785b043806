/** An agent is configuration, never a process: which model answers, and how it is told to. */

import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId } from '../base/ids.ts'
import { anArray, checkOptions, describeValue, integer, oneOf, text } from '../base/options.ts'
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

/** What an agent gets that says nothing else. */
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

/** Checks an agent's configuration. Throws `invalid-option` or `invalid-id`. */
export function defineAgent(options: AgentOptions): AgentDefinition {
  checkOptions<AgentOptions>(
    'defineAgent',
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
  const tools = new Map((options.tools ?? []).map((tool) => [tool.declaration.name, tool]))
  if (tools.size < (options.tools?.length ?? 0))
    throw new BeamClawError('invalid-option', `defineAgent: two tools of agent "${options.id}" have the same name`)
  return {
    id: parseAgentId(options.id),
    model: options.model,
    system: options.system?.toWellFormed(),
    tools,
    maxTurns: options.maxTurns ?? agentDefaults.maxTurns,
    compactAboveTokens: options.compactAboveTokens ?? agentDefaults.compactAboveTokens,
    thinking: options.thinking ?? agentDefaults.thinking,
  }
}

/** Throws `invalid-option` for what is no list of agents with ids of their own, each made by `defineAgent`. */
export function checkAgents(owner: string, agents: readonly AgentDefinition[]): void {
  if (!Array.isArray(agents)) throw badAgents(owner, 'agents', agents)
  const ids = new Set<string>()
  for (const [index, agent] of (agents as readonly unknown[]).entries()) {
    if (!isDefinition(agent)) throw badAgents(owner, `agents[${index}]`, agent)
    if (ids.has(agent.id)) throw new BeamClawError('invalid-option', `${owner}: agents[${index}]: there is another agent "${agent.id}"`)
    ids.add(agent.id)
  }
}

function isDefinition(agent: unknown): agent is AgentDefinition {
  if (typeof agent !== 'object' || agent === null) return false
  const { id, model, tools } = agent as Partial<AgentDefinition>
  return typeof id === 'string' && typeof model === 'string' && tools instanceof Map
}

function badAgents(owner: string, option: string, received: unknown): BeamClawError {
  const expected = option === 'agents' ? 'an array of agents' : 'an agent made by defineAgent()'
  return new BeamClawError('invalid-option', `${owner}: option "${option}" must be ${expected}, received ${describeValue(received)}`, {
    details: { owner, option, expected, received: describeValue(received) },
  })
}

function modelRule(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+\/\S+$/.test(value) ? undefined : 'of the form <provider>/<model>'
}
