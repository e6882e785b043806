/** Converts a BeamClaw request to a request of the Responses API. Pure. */
import type { JsonObject, ProviderRequest, ProviderWarning, ToolDeclaration } from '@beamclaw/core'
import type { OpenAiModelFacts } from '../models/openai-models.ts'
import { isObjectSchema, saidInWords } from '../shared/strict-schema.ts'
import { isEnforceable } from './enforceable-schema.ts'
import { planReasoning, type ReasoningPlan } from './reasoning-plan.ts'
import { type InputStyle, toResponsesInput } from './to-responses-input.ts'

/** How OpenAI summarises thinking; `none` for not at all. */
export type ReasoningSummary = 'none' | 'auto' | 'concise' | 'detailed'

/** The options of the provider that apply to every request. */
export interface ResponsesRequestStyle extends InputStyle {
  readonly reasoningSummary: ReasoningSummary
  readonly promptCacheKey: string | undefined
}

/** A request, and what was left out of it or changed. */
export interface ResponsesRequest {
  readonly body: JsonObject
  readonly warnings: readonly ProviderWarning[]
}

// The API refuses less: developers.openai.com/api/reference/resources/responses/methods/create.
const leastOutputTokens = 16
const maxUserIdLength = 64

/** Returns the request for an answer. */
export function toResponsesRequest(
  request: ProviderRequest,
  facts: Partial<OpenAiModelFacts>,
  style: ResponsesRequestStyle,
): ResponsesRequest {
  const plan = planReasoning(request, facts)
  const { model, maxOutputTokens, stopSequences = [], userId, responseFormat } = request
  const warnings: ProviderWarning[] = [...plan.warnings]
  const warn = (setting: string, message: string): void => void warnings.push({ setting, message })
  if (maxOutputTokens !== undefined && maxOutputTokens < leastOutputTokens) {
    warn('maxOutputTokens', `The service takes no limit below ${leastOutputTokens} tokens, so ${leastOutputTokens} was sent.`)
  }
  if (stopSequences.length > 0) warn('stopSequences', 'The service has no stop sequences, so they were left out.')
  if (responseFormat?.schema !== undefined && !isObjectSchema(responseFormat.schema)) warn('responseFormat', saidInWords(model))
  const hasUser = userId !== undefined && userId.length <= maxUserIdLength
  if (userId !== undefined && !hasUser) {
    warn('userId', `The service takes at most ${maxUserIdLength} characters, so the id was left out.`)
  }
  const body = {
    ...toPrompt(request, facts, plan, style),
    stream: true,
    // The conversation is kept here, so the service need not keep it: its thinking comes encrypted instead.
    store: false,
    ...(plan.mayThink ? { include: ['reasoning.encrypted_content'] } : {}),
    ...(maxOutputTokens === undefined ? {} : { max_output_tokens: Math.max(leastOutputTokens, maxOutputTokens) }),
    ...(plan.temperature === undefined ? {} : { temperature: plan.temperature }),
    ...(plan.topP === undefined ? {} : { top_p: plan.topP }),
    ...(hasUser ? { safety_identifier: userId } : {}),
    ...(style.promptCacheKey === undefined ? {} : { prompt_cache_key: style.promptCacheKey }),
  }
  return { body, warnings }
}

/** Returns the body that counts the input tokens of a request: it has only the fields that make input. */
export function toCountRequest(request: ProviderRequest, facts: Partial<OpenAiModelFacts>, style: ResponsesRequestStyle): JsonObject {
  return toPrompt(request, facts, planReasoning(request, facts), style)
}

function toPrompt(
  request: ProviderRequest,
  facts: Partial<OpenAiModelFacts>,
  { effort, mayThink }: ReasoningPlan,
  style: ResponsesRequestStyle,
): JsonObject {
  const { model, system, tools = [], messages } = request
  const { format, instruction } = formatOf(request)
  const reasoning = {
    ...(effort === undefined ? {} : { effort }),
    ...(mayThink && style.reasoningSummary !== 'none' ? { summary: style.reasoningSummary } : {}),
  }
  return {
    model,
    ...(system === undefined || system === '' ? {} : { instructions: system }),
    input: [...(instruction === undefined ? [] : [{ role: 'system', content: instruction }]), ...toItems(messages, facts, style)],
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => toTool(tool, facts)), tool_choice: toToolChoice(request.toolChoice) }),
    ...(Object.keys(reasoning).length === 0 ? {} : { reasoning }),
    ...(format === undefined ? {} : { text: { format } }),
  }
}

/** Reasoning of another model is refused by one that does not think. */
function toItems(messages: ProviderRequest['messages'], { thinking }: Partial<OpenAiModelFacts>, style: InputStyle): readonly JsonObject[] {
  const items = toResponsesInput(messages, style)
  return thinking === 'never' ? items.filter(({ type }) => type !== 'reasoning') : items
}

/** `strict` is given each time: left out, it means true at OpenAI. At other services it may mean another model, so it is asked for where models are known. */
function toTool({ name, description, inputSchema }: ToolDeclaration, { efforts }: Partial<OpenAiModelFacts>): JsonObject {
  return { type: 'function', name, description, parameters: inputSchema, strict: efforts !== undefined && isEnforceable(inputSchema) }
}

function toToolChoice(choice: ProviderRequest['toolChoice'] = 'auto'): JsonObject | string {
  return typeof choice === 'string' ? choice : { type: 'function', name: choice.name }
}

/** Returns the format to ask for, and what has to be said beside it: JSON without a schema is refused where no message of the input speaks of JSON. */
function formatOf({ responseFormat }: ProviderRequest): { readonly format?: JsonObject; readonly instruction?: string } {
  if (responseFormat === undefined) return {}
  const { name = 'answer', schema } = responseFormat
  const instruction = 'Answer with one JSON value and nothing else: no words around it, no code fence.'
  if (schema === undefined) return { format: { type: 'json_object' }, instruction }
  if (!isObjectSchema(schema)) return { instruction: `${instruction} It must match this JSON Schema: ${JSON.stringify(schema)}` }
  const allowedName = name.replace(/[^\w-]/g, '_').slice(0, 64) || 'answer'
  return { format: { type: 'json_schema', name: allowedName, schema, strict: isEnforceable(schema) } }
}
