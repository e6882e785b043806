/** Converts a BeamClaw request to a Messages API request. Pure. */
import type { JsonObject, Message, ProviderRequest, ProviderWarning, ToolDeclaration } from '@beamclaw/core'
import { type AnthropicModelFacts, anthropicFactsOf } from '../models/anthropic-models.ts'
import type { ModelFacts } from '../shared/model-facts.ts'
import { Warnings } from '../shared/warnings.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import type { AnthropicRequest } from './anthropic-api.ts'
import { jsonInstruction, toOutputFormat } from './output-format.ts'
import { bindingBeta, needsBindingBeta, planThinking, smallestBudget, type ThinkingPlan, type ThinkingStyle } from './thinking.ts'
import { toTurns } from './to-anthropic-turns.ts'

/** The options of the provider that apply to every request. */
export interface AnthropicRequestStyle extends ThinkingStyle {
  /** The name under which the signatures of thinking are kept. */
  readonly service: string
  readonly maxOutputTokens: number
  readonly promptCaching: boolean
  /** How long the cache keeps what it is given. */
  readonly cacheTtl: '5m' | '1h'
  readonly models: Readonly<Record<string, ModelFacts>>
}

/** A request as it is sent. */
export interface AnthropicCall {
  readonly body: AnthropicRequest
  readonly warnings: readonly ProviderWarning[]
  /** The beta that the body needs; undefined for none. */
  readonly beta: string | undefined
}

/** Returns the request as it is sent. */
export function toAnthropicRequest(asked: ProviderRequest, style: AnthropicRequestStyle): AnthropicCall {
  const request = { ...asked, messages: withWireCalls(asked.messages) }
  const facts = anthropicFactsOf(request.model, style.models)
  const cacheControl = style.promptCaching ? cacheControlOf(style) : undefined
  const left = new Warnings()
  const turns = toTurns(request.messages, { service: style.service, warnings: left }, cacheControl)
  const plan = planThinking(request, turns, facts, style)
  const system = systemText(request)
  const { tools: ownTools = [], stopSequences = [] } = request
  const tools = ownTools.length > 0 ? ownTools : toolsOfThePast(request.messages)
  const choice = toToolChoice(request, facts)
  const { sampling, warnings } = samplingOf(request, facts, plan)
  const format = toOutputFormat(request.responseFormat)
  const outputConfig = { ...(plan.effort === undefined ? {} : { effort: plan.effort }), ...(format === undefined ? {} : { format }) }
  const body = {
    model: request.model,
    ...tokensOf(request, facts, plan, style),
    stream: true,
    ...(system === '' ? {} : { system: [{ type: 'text', text: system, ...cacheControl }] }),
    messages: turns,
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }, index) => ({
            name,
            description,
            input_schema: inputSchema,
            ...(index === tools.length - 1 ? cacheControl : {}),
          })),
          tool_choice: ownTools.length > 0 ? choice.value : { type: 'none' },
        }),
    ...sampling,
    ...(stopSequences.length === 0 ? {} : { stop_sequences: stopSequences }),
    ...(Object.keys(outputConfig).length === 0 ? {} : { output_config: outputConfig }),
    ...(request.userId === undefined ? {} : { metadata: { user_id: request.userId } }),
  }
  return {
    body,
    warnings: [...plan.warnings, ...choice.warnings, ...warnings, ...left.all()],
    beta: needsBindingBeta(plan) ? bindingBeta : undefined,
  }
}

function cacheControlOf({ cacheTtl }: AnthropicRequestStyle): JsonObject {
  return { cache_control: cacheTtl === '5m' ? { type: 'ephemeral' } : { type: 'ephemeral', ttl: cacheTtl } }
}

/** The budget counts towards `max_tokens`, so it is added to the limit of the answer, as far as the model's own limit allows. */
function tokensOf(
  { maxOutputTokens }: ProviderRequest,
  { maxOutputTokens: most = Number.POSITIVE_INFINITY }: AnthropicModelFacts,
  { thinking, budgetTokens }: ThinkingPlan,
  style: AnthropicRequestStyle,
): JsonObject {
  const answer = Math.min(maxOutputTokens ?? style.maxOutputTokens, most)
  const maxTokens = Math.min(answer + budgetTokens, most)
  if (budgetTokens === 0) return { max_tokens: maxTokens, ...(thinking === undefined ? {} : { thinking }) }
  // At least a token must be left for the answer.
  const budget = Math.max(smallestBudget, Math.min(budgetTokens, maxTokens - Math.min(answer, Math.ceil(most / 2))))
  return { max_tokens: Math.max(maxTokens, budget + 1), thinking: { ...thinking, budget_tokens: budget } }
}

/** Returns the tools to declare. Calls in the history are refused without declarations, so an agent without tools declares the ones it has called. */
function toolsOfThePast(messages: readonly Message[]): readonly ToolDeclaration[] {
  const names = new Set<string>()
  for (const { role, content } of messages) {
    if (role === 'assistant') for (const part of content) if (part.type === 'tool-call') names.add(part.name)
  }
  return [...names].map((name) => ({ name, description: 'No longer available.', inputSchema: { type: 'object' } }))
}

interface ToolChoicePlan {
  readonly value: JsonObject
  readonly warnings: readonly ProviderWarning[]
}

function toToolChoice(
  { toolChoice: choice = 'auto', tools = [] }: ProviderRequest,
  { canForceTools }: AnthropicModelFacts,
): ToolChoicePlan {
  if (choice === 'auto' || choice === 'none') return { value: { type: choice }, warnings: [] }
  if (!canForceTools) {
    const message = 'this model cannot be made to call a tool, so the choice was left to it'
    return { value: { type: 'auto' }, warnings: tools.length === 0 ? [] : [{ setting: 'toolChoice', message }] }
  }
  return { value: typeof choice === 'object' ? { type: 'tool', name: choice.name } : { type: 'any' }, warnings: [] }
}

/** A model that thinks takes no sampling parameters, some models never do, and some take one of the two. */
function samplingOf(
  { temperature, topP }: ProviderRequest,
  { sampling }: AnthropicModelFacts,
  { isOn }: ThinkingPlan,
): { readonly sampling: JsonObject; readonly warnings: readonly ProviderWarning[] } {
  const why = isOn ? 'the model refuses it while it thinks' : 'the model refuses it'
  const mayHave = {
    temperature: !isOn && sampling !== 'none',
    topP: !isOn && sampling !== 'none' && (sampling === 'both' || temperature === undefined),
  }
  const warnings: ProviderWarning[] = []
  if (temperature !== undefined && !mayHave.temperature)
    warnings.push({ setting: 'temperature', message: `temperature was left out: ${why}` })
  if (topP !== undefined && !mayHave.topP) {
    warnings.push({
      setting: 'topP',
      message: `topP was left out: ${mayHave.temperature ? 'the model refuses it beside temperature' : why}`,
    })
  }
  return {
    sampling: {
      ...(temperature === undefined || !mayHave.temperature ? {} : { temperature }),
      ...(topP === undefined || !mayHave.topP ? {} : { top_p: topP }),
    },
    warnings,
  }
}

function systemText({ system = '', responseFormat }: ProviderRequest): string {
  const instruction = jsonInstruction(responseFormat)
  return [system, instruction].filter((text) => text !== '').join('\n\n')
}
