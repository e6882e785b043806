/** The options of sub-agents. */
import { checkOptions, describeValue, duration, guardedRead, integer, oneOf, readOptions } from '@beamclaw/actor/internal'
import type { QueueMode } from '../agent/session-settings.ts'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId } from '../base/ids.ts'
import { aToolList } from '../tool/tool-names.ts'
import type { SubAgentCleanup } from './sub-agent-types.ts'

/** Options of `SubAgents`. */
export interface SubAgentsOptions {
  /**
   * For each agent those that it may spawn; `'all'` for any. One that is not named spawns none. A function is asked at each spawn; where it throws or returns
   * something else there are none.
   */
  readonly agents: 'all' | Readonly<Record<string, 'all' | readonly string[]>> | ((parent: AgentId) => 'all' | readonly string[])
  /** Levels of sub-agents below an ordinary session, 1 to 5. @default 1 */
  readonly maxDepth?: number
  /** Sub-agents that a session may have at a time. @default 8 */
  readonly maxAtOnce?: number
  /** Sub-agents that a tenant may have at a time. @default 100 */
  readonly maxPerTenant?: number
  /** Milliseconds that a sub-agent may take. @default 1800000 */
  readonly timeoutMs?: number
  /** Turns of one run of a sub-agent. @default those of its agent */
  readonly maxTurns?: number
  /** Tokens of one run of a sub-agent, in and out: above that it is ended. @default no limit */
  readonly maxTokens?: number
  /** What becomes of its session once its end was told. @default 'keep' */
  readonly cleanup?: SubAgentCleanup
  /**
   * Patterns of names of tools that a sub-agent may have although its parent has not the same one. @default none: a tool is kept where both agents have the
   * very same one
   */
  readonly ownTools?: readonly string[]
  /** What the message of an end does to a session that is busy. @default 'collect' */
  readonly queueMode?: QueueMode
}

/** Defaults for sub-agents. */
const subAgentDefaults = {
  maxDepth: 1,
  maxAtOnce: 8,
  maxPerTenant: 100,
  timeoutMs: 1_800_000,
  cleanup: 'keep',
  ownTools: [],
  queueMode: 'collect',
} as const satisfies Partial<SubAgentsOptions>

type Optional = 'maxTurns' | 'maxTokens'

/** Options with all defaults, and the lists of agents by agent. */
export interface SubAgentSettings extends Required<Omit<SubAgentsOptions, 'agents' | Optional>>, Pick<SubAgentsOptions, Optional> {
  /** Returns the agents that one may spawn. Never throws. */
  readonly agentsOf: (parent: AgentId) => 'all' | readonly string[]
}

/** Returns the checked options. Throws `invalid-option` and `invalid-id`. */
export function subAgentSettings(given: SubAgentsOptions): SubAgentSettings {
  const options = readOptions('SubAgents', given)
  checkOptions<SubAgentsOptions>(
    'SubAgents',
    options,
    {
      agents: (value) =>
        value === 'all' || typeof value === 'function' || (typeof value === 'object' && value !== null)
          ? undefined
          : "'all', an object of lists or a function",
      maxDepth: integer(1, 5),
      maxAtOnce: integer(1, 1_000),
      maxPerTenant: integer(1, 100_000),
      timeoutMs: duration(1),
      maxTurns: integer(1),
      maxTokens: integer(1),
      cleanup: oneOf('keep', 'delete'),
      ownTools: aToolList,
      queueMode: oneOf('queue', 'steer', 'collect', 'interrupt'),
    },
    ['agents'],
  )
  const { agents, ...rest } = options
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return { ...subAgentDefaults, ...set, agentsOf: agentsOf(agents) }
}

function agentsOf(agents: SubAgentsOptions['agents']): SubAgentSettings['agentsOf'] {
  if (agents === 'all') return () => 'all'
  if (typeof agents === 'function')
    return (parent) => {
      try {
        const list: unknown = agents(parent)
        return list === 'all' ? 'all' : Array.isArray(list) ? list.filter((id) => typeof id === 'string') : []
      } catch {
        return []
      }
    }
  const lists = listsOf(agents)
  return (parent) => lists.get(parent) ?? []
}

function listsOf(agents: Readonly<Record<string, 'all' | readonly string[]>>): ReadonlyMap<AgentId, 'all' | readonly AgentId[]> {
  return guardedRead('SubAgents', 'agents', () => {
    const lists = new Map<AgentId, 'all' | readonly AgentId[]>()
    for (const [id, list] of Object.entries(agents)) {
      if (list !== 'all' && !Array.isArray(list)) {
        const problem = `SubAgents: option "agents.${id.slice(0, 64)}" must be 'all' or a list of agents, received ${describeValue(list)}`
        throw new BeamClawError('invalid-option', problem, { details: { owner: 'SubAgents', option: 'agents' } })
      }
      lists.set(parseAgentId(id), list === 'all' ? list : list.map(parseAgentId))
    }
    return lists
  })
}

/** Returns the agents, of those that exist, that an agent may spawn, its own first where it is one. */
export function spawnable({ agentsOf }: SubAgentSettings, parent: AgentId, known: readonly AgentId[]): readonly AgentId[] {
  const list = agentsOf(parent)
  const found = list === 'all' ? known : list.flatMap((id) => known.filter((one) => one === id))
  return found.includes(parent) ? [parent, ...found.filter((id) => id !== parent)] : found
}
