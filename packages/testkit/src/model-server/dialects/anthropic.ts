/**
 * What Anthropic's Messages API refuses. Texts and statuses: recordings of pydantic-ai (August 2026), platform.claude.com/docs/en/about-claude/models/migration-guide
 * and .../preserved-thinking (2026-10 and 2026-11), anthropics/claude-code#63412, vercel/ai#21364.
 */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import type { ReceivedRequest, ScriptedError } from '../answer.ts'
import { listOf, objectOf, valuesOf } from './request-values.ts'

const alwaysThinks = /^claude-(?:fable-5|mythos-5|opus-5-5|haiku-5-5)/
const thinksByItself = /^claude-(?:fable|mythos|opus-4-[678]|sonnet-4-6|(?:opus|sonnet|haiku)-[5-9])/
const takesNoBudget = /^claude-(?:fable|mythos|opus-4-[78]|(?:opus|sonnet|haiku)-[5-9])/
const takesNoForcedTools = /^claude-(?:fable-5|opus-5-5|sonnet-5-5)/
const bindsThinking = /^claude-(?:fable-5-[1-9]|(?:opus|sonnet|haiku)-5-5)/
const bindingBeta = 'thinking-binding-controls-2026-08-01'

const fields: ReadonlySet<string> = new Set([
  ...[
    'model',
    'messages',
    'max_tokens',
    'stream',
    'system',
    'tools',
    'tool_choice',
    'thinking',
    'output_config',
    'metadata',
    'stop_sequences',
  ],
  ...['temperature', 'top_p', 'top_k', 'service_tier', 'container', 'context_management', 'mcp_servers', 'cache_control'],
])

const refusedKeywords = ['minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'maxItems']

/** Returns the refusal of a request. */
export function refusesAnthropic({ body, headers }: ReceivedRequest): ScriptedError | undefined {
  const request = objectOf(body)
  const problem =
    problemOfFields(request) ??
    problemOfThinking(request, String(headers['anthropic-beta'] ?? '')) ??
    problemOfChoice(request) ??
    problemOfMessages(request)
  if (problem === undefined) return undefined
  return { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message: problem }, request_id: 'req_scripted' } }
}

function problemOfFields(request: JsonObject): string | undefined {
  const unknown = Object.keys(request).find((name) => !fields.has(name))
  if (unknown !== undefined) return `${unknown}: Extra inputs are not permitted`
  if (typeof request.max_tokens !== 'number') return 'max_tokens: Field required'
  const { format } = objectOf(request.output_config)
  const schema = objectOf(objectOf(format).schema)
  for (const object of valuesOf(schema)) {
    const keyword = refusedKeywords.find((name) => name in object && typeof object[name] === 'number')
    if (keyword !== undefined)
      return `output_config.format.schema: For '${String(object.type)}' type, property '${keyword}' is not supported`
    if (object.type === 'object' && object.additionalProperties !== false) {
      return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
    }
  }
  return undefined
}

function problemOfThinking(request: JsonObject, betas: string): string | undefined {
  const model = String(request.model)
  const thinking = objectOf(request.thinking)
  const useEffort = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
  if (thinking.type === 'enabled' && takesNoBudget.test(model))
    return `"thinking.type.enabled" is not supported for this model. ${useEffort}`
  if (thinking.type === 'disabled' && alwaysThinks.test(model))
    return `"thinking.type.disabled" is not supported for this model. ${useEffort}`
  if (thinking.type === 'adaptive' && !thinksByItself.test(model)) return 'adaptive thinking is not supported on this model'
  if (thinking.type === 'enabled' && Number(thinking.budget_tokens) >= Number(request.max_tokens)) {
    return '`max_tokens` must be greater than `thinking.budget_tokens`'
  }
  if (thinking.block_binding !== undefined && (!betas.includes(bindingBeta) || !bindsThinking.test(model))) {
    return 'thinking.adaptive.block_binding: Extra inputs are not permitted'
  }
  const isOn = thinking.type === 'enabled' || thinking.type === 'adaptive'
  for (const name of ['temperature', 'top_p', 'top_k']) {
    if (request[name] !== undefined && (isOn || takesNoBudget.test(model)))
      return `${name}: this model does not support sampling parameters`
  }
  if (request.temperature !== undefined && request.top_p !== undefined && /^claude-[\w]+-4/.test(model)) {
    return '`temperature` and `top_p` cannot both be specified for this model. Please use only one.'
  }
  return undefined
}

function problemOfChoice(request: JsonObject): string | undefined {
  const { type } = objectOf(request.tool_choice)
  if (type !== 'any' && type !== 'tool') return undefined
  if (takesNoForcedTools.test(String(request.model))) return 'tool_choice: type "tool" and "any" are not supported for this model.'
  return objectOf(request.thinking).type === 'enabled' ? 'Thinking may not be enabled when tool_choice forces tool use.' : undefined
}

const mediaTypes: Readonly<Record<string, readonly string[]>> = {
  image: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
  document: ['application/pdf'],
}

/** github.com/expectedparrot/edsl/issues/2057 (images); the words about documents are by analogy. */
function problemOfMedia(blocks: readonly JsonObject[], place: string): string | undefined {
  for (const [index, { type, source, content }] of blocks.entries()) {
    const here = `${place}.content.${index}`
    const allowed = mediaTypes[String(type)]
    const { type: kind, media_type: mediaType } = objectOf(source)
    if (allowed !== undefined && kind === 'base64' && !allowed.includes(String(mediaType))) {
      const names = allowed.map((name) => `'${name}'`)
      const expected = names.length === 1 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
      return `${here}.${String(type)}.source.base64.media_type: Input should be ${expected}`
    }
    const inner = problemOfMedia(listOf(content), `${here}.${String(type)}`)
    if (inner !== undefined) return inner
  }
  return undefined
}

function problemOfMessages(request: JsonObject): string | undefined {
  const messages = listOf(request.messages)
  for (const [index, message] of messages.entries()) {
    const media = problemOfMedia(listOf(message.content), `messages.${index}`)
    if (media !== undefined) return media
    if (message.role !== 'assistant') continue
    const alone = problemOfServerTools(messages, index)
    if (alone !== undefined) return alone
    const blocks = listOf(message.content)
    const unsigned = blocks.findIndex(({ type, signature }) => type === 'thinking' && !isSignature(signature))
    if (unsigned >= 0) return `messages.${index}.content.${unsigned}: Invalid \`signature\` in \`thinking\` block`
    if (blocks.at(-1)?.type === 'thinking') return `messages.${index}: The final block in an assistant message cannot be \`thinking\`.`
    const results = listOf(messages[index + 1]?.content).map(({ tool_use_id }) => tool_use_id)
    const missing = blocks.filter(({ type, id }) => type === 'tool_use' && !results.includes(id ?? null)).map(({ id }) => String(id))
    if (missing.length > 0) {
      return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
    }
    const problem = problemOfOrder(request, blocks, index, messages.length)
    if (problem !== undefined) return problem
  }
  return undefined
}

/**
 * A tool of the service has its result in the same message, or in the next one after results of other tools. Only at the end of the conversation may it have none
 * yet. AnswerDotAI/lisette#108, anthropics/claude-code#80439.
 */
function problemOfServerTools(messages: readonly JsonObject[], index: number): string | undefined {
  const blocksAt = (at: number): readonly JsonObject[] => listOf(messages[at]?.content)
  const hasResultsOnly = (at: number): boolean => blocksAt(at).every(({ type }) => type === 'tool_result')
  const blocks = blocksAt(index)
  const isServerResult = ({ type }: JsonObject): boolean => String(type).endsWith('_tool_result')
  const isServerCall = ({ type }: JsonObject): boolean => String(type).endsWith('_tool_use')
  const isLast = index === messages.length - 1 || (index === messages.length - 2 && hasResultsOnly(index + 1))
  const later = hasResultsOnly(index + 1) ? blocksAt(index + 2) : []
  for (const [place, { id, name }] of blocks.entries()) {
    if (!isServerCall(blocks[place] ?? {}) || isLast) continue
    if ([...blocks.slice(place), ...later].some((block) => isServerResult(block) && block.tool_use_id === id)) continue
    const called = String(name)
    return `messages.${index}: \`${called}\` tool use with id \`${String(id)}\` was found without a corresponding \`${called}_tool_result\` block`
  }
  const earlier = index >= 2 && hasResultsOnly(index - 1) ? blocksAt(index - 2) : []
  for (const [place, block] of blocks.entries()) {
    if (!isServerResult(block)) continue
    const calls = [...earlier, ...blocks.slice(0, place)].filter((call) => isServerCall(call) && call.id === block.tool_use_id)
    if (calls.length > 0) continue
    const type = String(block.type)
    return `messages.${index}.content.${place}: unexpected \`tool_use_id\` found in \`${type}\` blocks: ${String(block.tool_use_id)}. Each \`${type}\` block must have a corresponding \`server_tool_use\` block before it.`
  }
  return undefined
}

/** With a budget, the turn that is under way must have begun with thinking. */
function problemOfOrder(request: JsonObject, blocks: readonly JsonObject[], index: number, count: number): string | undefined {
  if (objectOf(request.thinking).type !== 'enabled' || index !== count - 2 || !blocks.some(({ type }) => type === 'tool_use'))
    return undefined
  const first = String(blocks[0]?.type)
  if (first === 'thinking' || first === 'redacted_thinking') return undefined
  return `messages.${index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block`
}

/** Signatures are base64 text of a binary form; those of scripts are `signed`. */
function isSignature(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && (value === 'signed' || /^E[\w+/]+==$/.test(value))
}
