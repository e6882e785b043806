/** Converts a BeamClaw request to a Chat Completions request, and tells what had to be left out of it. Pure. */
import {
  BeamClawError,
  type JsonObject,
  type JsonValue,
  type ProviderRequest,
  type ProviderWarning,
  type ToolDeclaration,
} from '@beamclaw/core'
import { isObjectSchema, isStrictSchema, saidInWords } from '../shared/strict-schema.ts'
import { Warnings } from '../shared/warnings.ts'
import { type ChatStyle, chatFactsOf } from './chat-style.ts'
import type { ChatModelFacts, RefusedSetting } from './dialects/dialect.ts'
import type { OpenAiRequest } from './openai-api.ts'
import { thinkingOf } from './thinking-fields.ts'
import { toOpenAiMessages } from './to-openai-messages.ts'

/** A request, and what was left out of it. */
export interface ChatRequest {
  readonly body: OpenAiRequest
  readonly warnings: readonly ProviderWarning[]
}

type Facts = Partial<ChatModelFacts>

/** Returns the body of the request. Throws `provider-bad-request` for tools that the model does not take. */
export function toOpenAiRequest(request: ProviderRequest, style: ChatStyle): ChatRequest {
  const { dialect } = style
  const { model, stopSequences = [] } = request
  const facts = chatFactsOf(style, model)
  const warnings = new Warnings()
  checkTools(request, facts)
  const thinking = thinkingOf(request, style, facts, warnings)
  const tools = toolFields(request, style, facts, thinking.isOn, warnings)
  const format = formatOf(request, style, facts, warnings)
  const isTaken = allowedBy(request, facts, thinking.isOn, warnings)
  const system = [request.system, format.instruction].filter((text) => text !== undefined && text !== '').join('\n\n')
  const userField = request.userId !== undefined && isTaken('userId', dialect.userField === undefined) ? dialect.userField : undefined
  const body = {
    model,
    messages: [
      ...(system === '' ? [] : [{ role: 'system', content: system }]),
      ...toOpenAiMessages(request.messages, { style, model, facts, isThinking: thinking.isOn, warnings }),
    ],
    stream: true,
    ...(style.includeUsage ? { stream_options: { include_usage: true } } : {}),
    ...tools,
    ...(request.maxOutputTokens === undefined ? {} : { [style.maxTokensField]: request.maxOutputTokens }),
    ...(request.temperature !== undefined && isTaken('temperature') ? { temperature: request.temperature } : {}),
    ...(request.topP !== undefined && isTaken('topP') ? { top_p: request.topP } : {}),
    ...(stopSequences.length > 0 && isTaken('stopSequences') ? { stop: stopSequences } : {}),
    ...thinking.fields,
    ...(format.field === undefined ? {} : { response_format: format.field }),
    ...(userField === undefined ? {} : { [userField]: request.userId }),
  }
  return { body, warnings: warnings.all() }
}

/** Throws for tools that the model has over another API only: an agent without its tools would promise and not act. */
function checkTools({ model, tools = [] }: ProviderRequest, facts: Facts): void {
  if (facts.tools !== 'never' || tools.length === 0) return
  const problem = `The model ${model} takes no tools over Chat Completions. Use OpenAiProvider with { api: 'responses' }, or another model.`
  throw new BeamClawError('provider-bad-request', problem, { details: { model, api: 'chat' } })
}

/** Returns a check of settings; it warns of those that are refused. */
function allowedBy(
  { model }: ProviderRequest,
  { refuses = [], refusesWhileThinking = [] }: Facts,
  isThinking: boolean,
  warnings: Warnings,
) {
  return (setting: RefusedSetting, isUnknown = false): boolean => {
    const isRefused = isUnknown || refuses.includes(setting)
    const isRefusedNow = isThinking && refusesWhileThinking.includes(setting)
    if (isRefused) warnings.add(setting, `${model} does not take ${setting}, so it was left out.`)
    else if (isRefusedNow) warnings.add(setting, `${model} does not take ${setting} while it thinks, so it was left out.`)
    return !isRefused && !isRefusedNow
  }
}

function toolFields(request: ProviderRequest, { dialect }: ChatStyle, facts: Facts, isThinking: boolean, warnings: Warnings): JsonObject {
  const { model, tools = [], toolChoice = 'auto' } = request
  if (tools.length === 0) return {}
  const all = { tools: tools.map(toTool) }
  if (toolChoice === 'none') return dialect.hasToolChoice ? { ...all, tool_choice: 'none' } : {}
  if (toolChoice === 'auto') return dialect.sendsAuto ? { ...all, tool_choice: 'auto' } : all
  const taken = isThinking ? (facts.forcedWhileThinking ?? dialect.forcedWhileThinking) : 'any'
  if (taken === 'none') {
    warnings.add('toolChoice', `${model} cannot be made to call a tool while it thinks, so it may answer without.`)
    return all
  }
  if (!dialect.hasToolChoice) warnings.add('toolChoice', `${dialect.title} cannot be made to call a tool, so the model may answer without.`)
  const required = dialect.hasToolChoice ? { tool_choice: 'required' } : {}
  if (toolChoice === 'required') return { ...all, ...required }
  if (taken === 'any' && dialect.namedChoice === 'object' && dialect.hasToolChoice)
    return { ...all, tool_choice: { type: 'function', function: { name: toolChoice.name } } }
  // With no other tool on offer, "some tool" is this one.
  return { tools: tools.filter(({ name }) => name === toolChoice.name).map(toTool), ...required }
}

function toTool({ name, description, inputSchema }: ToolDeclaration): JsonValue {
  return { type: 'function', function: { name, description, parameters: inputSchema } }
}

interface Format {
  readonly field?: JsonObject
  /** Goes into the system prompt, where the service cannot enforce the format or wants to be told. */
  readonly instruction?: string
}

function formatOf(
  { model, responseFormat, tools = [] }: ProviderRequest,
  { dialect }: ChatStyle,
  facts: Facts,
  warnings: Warnings,
): Format {
  if (responseFormat === undefined) return {}
  const { name = 'answer', schema } = responseFormat
  const { json, saysJson } = dialect
  const shape = schema === undefined ? '' : ` It must match this JSON Schema: ${JSON.stringify(schema)}`
  const instruction = `Answer with one JSON value and nothing else: no words around it, no code fence.${shape}`
  if (tools.length > 0 && !(facts.jsonWithTools ?? json.withTools)) {
    warnings.add(
      'responseFormat',
      `${model} cannot use tools and be held to a format in one request, so it was asked for the format in words.`,
    )
    return { instruction }
  }
  if (schema !== undefined && !json.anyRoot && !isObjectSchema(schema)) {
    warnings.add('responseFormat', saidInWords(model))
    return { instruction }
  }
  if (schema !== undefined && json.schema) {
    // `strict` is refused for schemas that are not strict, so it is sent only for strict ones.
    const strict = isStrictSchema(schema) && facts.strictSchemas !== false
    return { field: { type: 'json_schema', json_schema: { name, schema, strict } } }
  }
  if (!json.object) return { instruction }
  if (schema !== undefined) {
    warnings.add('responseFormat', `${dialect.title} cannot be held to a schema, so the model was asked for it in words.`)
    return { field: { type: 'json_object' }, instruction }
  }
  return saysJson ? { field: { type: 'json_object' }, instruction } : { field: { type: 'json_object' } }
}
