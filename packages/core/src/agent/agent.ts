/** Agents: configuration of a model, its system prompt and its tools. An agent is no process; sessions run it. */

import {
  aFunction,
  anArray,
  anObject,
  checkOptions,
  either,
  guardedRead,
  hintOf,
  integer,
  invalidOption,
  type OptionRules,
  oneOf,
  readOptions,
  text,
} from '@beamclaw/actor/internal'
import { type AskModeRule, anAskMode } from '../approval/ask-mode.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import { type AgentId, parseAgentId, type SessionKey, type TenantId } from '../base/ids.ts'
import { readOnlyMap } from '../base/read-only-map.ts'
import type { ThinkingLevel, ToolChoice } from '../ports/provider.ts'
import { aStandardSchema, type StandardSchema } from '../tool/standard-schema.ts'
import type { Tool } from '../tool/tool.ts'
import { allowedTools, aToolList } from '../tool/tool-names.ts'
import { type AgentHooks, hookNames } from './hooks.ts'
import { type RetentionOptions, retentionOf } from './retention.ts'
import type { SessionSettings } from './session-settings.ts'

/** The tools of an agent: where its context is known, only those that can do with it. */
type ToolFor<TContext> = unknown extends TContext ? Tool : Tool<never, NoInfer<TContext>>

/** For which session `sessionTools` is asked. */
export interface SessionToolsContext {
  readonly tenant: TenantId
  readonly sessionKey: SessionKey
}

/** Returns the tools that one session has besides those of its agent, at once. Where it throws the session goes on without them, and the log says why. */
export type SessionTools<TContext = unknown> = (session: SessionToolsContext) => readonly ToolFor<TContext>[]

/** Options of an agent. */
export interface AgentOptions<TContext = unknown, TContextInput = TContext> {
  /** 1 to 64 of a-z, 0-9, `_` and `-`. */
  readonly id: string
  /** `<provider>/<model>`. */
  readonly model: string
  /** The system prompt, or a function that returns it for each request to the model; throwing fails the run. @default none */
  readonly system?: SystemPrompt<TContext>
  /** The tools that the model may call; requests have them sorted by name. @default [] */
  readonly tools?: readonly ToolFor<TContext>[]
  /** Returns further tools for one session, whenever it is loaded: also before a run goes on after a restart. */
  readonly sessionTools?: SessionTools<TContext>
  /** Patterns of names, with `*` for any characters: of `tools` only these may be called. @default all */
  readonly allowedTools?: readonly string[]
  /** Patterns of names that may not be called, whatever allows them. @default none */
  readonly deniedTools?: readonly string[]
  /** Names of the skills that its prompt and tools bring in; a session has those that it began with in its settings. @default none are recorded */
  readonly skills?: readonly string[]
  /** Provider calls one run may make. @default 50 */
  readonly maxTurns?: number
  /**
   * Estimated tokens of history above which the oldest messages are replaced by a summary. @default 120000, and at most 60 % of the model's context window where
   * the provider knows it
   */
  readonly compactAboveTokens?: number
  /** How much the model thinks before it answers. @default 'off' */
  readonly thinking?: ThinkingLevel
  /** Randomness of the answers; the services accept 0 to 1 or 0 to 2. @default the service's own */
  readonly temperature?: number
  /** Maximum tokens of one answer. @default the provider's own */
  readonly maxOutputTokens?: number
  /** Whether the model must call tools in the first turn of a run; later turns are free. @default 'auto' */
  readonly toolChoice?: ToolChoice
  /** Validates and types the `context` of messages; a message that does not fit is refused with `invalid-message`. @default any JSON */
  readonly context?: StandardSchema<TContext, TContextInput>
  /** Deletes sessions of the agent that are old, or the oldest of too many. @default all are kept */
  readonly retention?: RetentionOptions
  /** When calls of its tools ask for approval; a tool's own `askMode` comes first. @default that of the tenant, then by the risk of the tool */
  readonly askMode?: AskModeRule
  /** Guardrails, redaction and vetoes around the model and the tools. @default none */
  readonly hooks?: AgentHooks<NoInfer<TContext>>
}

/** What a system function gets. */
export interface SystemContext<TContext = unknown> {
  /** The `context` of the message. */
  readonly context: TContext
  readonly session: { readonly key: SessionKey; readonly settings: SessionSettings }
  readonly agentId: AgentId
}

/** A system prompt, or a function that returns it for each request to the model. */
export type SystemPrompt<TContext = never> = string | ((run: SystemContext<TContext>) => string | Promise<string>)

/** Defaults for an agent. */
export const agentDefaults = { maxTurns: 50, compactAboveTokens: 120_000, thinking: 'off' } as const satisfies Partial<AgentOptions>

/** A checked agent with every default filled in, as `defineAgent` returns it. `TContext` is the `context` that its messages bring along. */
export interface AgentDefinition<TContext = unknown> {
  readonly id: AgentId
  readonly model: string
  readonly system: SystemPrompt | undefined
  readonly temperature: number | undefined
  readonly maxOutputTokens: number | undefined
  readonly toolChoice: ToolChoice | undefined
  readonly context: StandardSchema<unknown, TContext> | undefined
  readonly retention: RetentionOptions | undefined
  readonly askMode: AskModeRule | undefined
  readonly hooks: AgentHooks
  readonly tools: ReadonlyMap<string, Tool>
  /** Returns the tools with those of one session, sorted by name. Throws `invalid-option`, and what the function of the options throws. */
  readonly toolsOfSession: ((session: SessionToolsContext) => ReadonlyMap<string, Tool>) | undefined
  readonly skills: readonly string[] | undefined
  readonly maxTurns: number
  /** Undefined where the model's context window decides. */
  readonly compactAboveTokens: number | undefined
  readonly thinking: ThinkingLevel
}

/**
 * Returns a checked agent with the defaults filled in; it cannot be changed. Throws `invalid-option` or `invalid-id`.
 *
 * @example
 * const ops = defineAgent({ id: 'ops', model: 'anthropic/claude-sonnet-5', tools: [deploy] })
 */
export function defineAgent<TContext = unknown, TContextInput = TContext>(
  options: AgentOptions<TContext, TContextInput>,
): AgentDefinition<TContextInput> {
  return definitionOf('defineAgent', options)
}

/** As `defineAgent`; `owner` begins the messages, and `idPath` those about the id. */
export function definitionOf<TContext, TContextInput>(
  owner: string,
  given: AgentOptions<TContext, TContextInput>,
  idPath = `${owner}: option "id"`,
): AgentDefinition<TContextInput> {
  const options = readOptions(owner, given)
  checkOptions<AgentOptions<TContext, TContextInput>>(
    owner,
    options,
    {
      id: text(64),
      model: modelRule,
      system: either(text(1_000_000), aFunction),
      tools: anArray,
      sessionTools: aFunction,
      allowedTools: aToolList,
      deniedTools: aToolList,
      skills: aNameList,
      maxTurns: integer(1),
      compactAboveTokens: integer(1_000),
      thinking: oneOf('off', 'low', 'medium', 'high'),
      temperature: aTemperature,
      maxOutputTokens: integer(1),
      toolChoice: aToolChoice,
      context: aStandardSchema,
      retention: anObject,
      askMode: anAskMode,
      hooks: anObject,
    },
    ['id', 'model'],
  )
  const hooks = options.hooks === undefined ? {} : readHooks(owner, options.hooks as AgentHooks)
  const { sessionTools, tools: own = [] } = options as AgentOptions
  const toolsWith = (more: readonly Tool[]): ReadonlyMap<string, Tool> =>
    readOnlyMap(new Map(allowedTools(toolsByName(owner, options.id, [...own, ...more]), options)))
  const tools = toolsWith([])
  const toolChoice = guardedRead(owner, 'toolChoice', () => toolChoiceOf(options.toolChoice))
  if (typeof toolChoice === 'object') checkToolNames(owner, 'toolChoice.name', [toolChoice.name], [...tools.keys()])
  return Object.freeze({
    id: agentIdOf(idPath, options.id),
    model: options.model,
    system: typeof options.system === 'string' ? options.system.toWellFormed() : (options.system as SystemPrompt | undefined),
    temperature: options.temperature,
    maxOutputTokens: options.maxOutputTokens,
    toolChoice,
    context: options.context,
    retention: retentionOf(owner, options.retention as RetentionOptions | undefined),
    askMode: options.askMode,
    hooks,
    tools,
    toolsOfSession:
      sessionTools === undefined ? undefined : (session: SessionToolsContext) => toolsWith(sessionToolsOf(owner, sessionTools, session)),
    skills: options.skills === undefined ? undefined : Object.freeze([...options.skills]),
    maxTurns: options.maxTurns ?? agentDefaults.maxTurns,
    compactAboveTokens: options.compactAboveTokens,
    thinking: options.thinking ?? agentDefaults.thinking,
  })
}

function agentIdOf(path: string, id: unknown): AgentId {
  try {
    return parseAgentId(id)
  } catch (error) {
    throw new BeamClawError('invalid-id', `${path}: ${describeError(error)}`, { details: { kind: 'agent', option: path } })
  }
}

function readHooks(owner: string, given: AgentHooks): AgentHooks {
  checkOptions<AgentHooks>(`${owner} hooks`, given, hookRules)
  return given
}

/** Throws `invalid-option` for the first name that is no tool's; `option` is its path. */
export function checkToolNames(owner: string, option: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (known.includes(name)) continue
    const shown = name.slice(0, 64)
    const problem = `${owner}: ${option} names the tool "${shown}", which the agent has not; ${hintOf(shown, known, 'tools')}`
    throw new BeamClawError('invalid-option', problem, { details: { owner, option, received: shown, known } })
  }
}

/** By name, whatever the order in the list: a request that begins with other bytes than the one before is read anew by a service, at its full price. */
function toolsByName(owner: string, id: string, tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  const byName = new Map<string, Tool>()
  for (const [index, tool] of tools.entries()) {
    const name = guardedRead(owner, `tools[${index}]`, (): unknown => tool?.declaration?.name)
    if (typeof name !== 'string') throw invalidOption(owner, `tools[${index}]`, 'a tool made by defineTool()', tool)
    if (byName.has(name)) throw new BeamClawError('invalid-option', `${owner}: two tools of agent "${id}" have the same name, "${name}"`)
    byName.set(name, tool)
  }
  return new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function sessionToolsOf(owner: string, sessionTools: SessionTools, session: SessionToolsContext): readonly Tool[] {
  const given: unknown = sessionTools(session)
  if (Array.isArray(given)) return given
  throw invalidOption(owner, 'sessionTools', 'a function that returns an array of tools', given)
}

const hookRules = Object.fromEntries(hookNames.map((name) => [name, aFunction])) as OptionRules<AgentHooks>

function aNameList(value: unknown): string | undefined {
  const isList = Array.isArray(value) && value.length <= 1_000 && value.every((name) => typeof name === 'string' && name.length <= 256)
  return isList ? undefined : 'a list of names'
}

/** The rule for a temperature: a number from 0 to 2. */
export function aTemperature(value: unknown): string | undefined {
  return typeof value === 'number' && value >= 0 && value <= 2 ? undefined : 'a number from 0 to 2'
}

/** The rule for a `ToolChoice`. */
export function aToolChoice(value: unknown): string | undefined {
  if (value === 'auto' || value === 'none' || value === 'required') return undefined
  const named = typeof value === 'object' && value !== null && typeof (value as { readonly name?: unknown }).name === 'string'
  return named ? undefined : "'auto', 'none', 'required' or { name: <tool> }"
}

/** Returns a copy of a checked choice of tools. */
export function toolChoiceOf(choice: ToolChoice | undefined): ToolChoice | undefined {
  return typeof choice === 'object' ? Object.freeze({ name: choice.name }) : choice
}

/** The rule for the name of a model. */
export function modelRule(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+\/\S+$/.test(value) ? undefined : 'of the form <provider>/<model>'
}
