/** Names and values of the GenAI semantic conventions, https://github.com/open-telemetry/semantic-conventions-genai. Pure. */
import type { FinishReason, JsonValue, Message, SessionEvent, Usage } from '@beamclaw/core'
import type { Attributes } from '@opentelemetry/api'

/** Where a run belongs. */
export function runAttributes({ agentId, sessionKey, runId, tenant }: SessionEvent): Attributes {
  return {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': agentId,
    'gen_ai.agent.name': agentId,
    'gen_ai.conversation.id': sessionKey,
    'beamclaw.run.id': runId,
    'beamclaw.tenant': tenant,
  }
}

/** What is asked of a model, `<provider>/<model>`. */
export function modelAttributes(name: string): Attributes {
  const slash = name.indexOf('/')
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': name.slice(0, Math.max(0, slash)),
    'gen_ai.request.model': name.slice(slash + 1),
  }
}

/** Tokens; those read from a cache and written to it count as input. */
export function usageAttributes({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: Usage): Attributes {
  return {
    'gen_ai.usage.input_tokens': inputTokens + cacheReadTokens + cacheWriteTokens,
    'gen_ai.usage.output_tokens': outputTokens,
    'gen_ai.usage.cache_read.input_tokens': cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': cacheWriteTokens,
  }
}

const finishReasons = {
  stop: 'stop',
  'tool-calls': 'tool_call',
  length: 'length',
  'content-filter': 'content_filter',
  other: 'other',
} as const satisfies Record<FinishReason, string>

/** Why the model stopped. */
export function finishAttributes(finish: FinishReason): Attributes {
  return { 'gen_ai.response.finish_reasons': [finishReasons[finish]] }
}

/** A message as the conventions write it, in JSON. */
export function messageText({ role, content }: Message, finish?: FinishReason): string {
  const parts = typeof content === 'string' ? [{ type: 'text', content }] : content.map(partOf)
  return JSON.stringify([{ role, parts, ...(finish === undefined ? {} : { finish_reason: finishReasons[finish] }) }])
}

function partOf(part: Exclude<Message['content'], string>[number]): JsonValue {
  switch (part.type) {
    case 'text':
      return { type: 'text', content: part.text }
    case 'thinking':
      return { type: 'reasoning', content: part.text }
    case 'tool-call':
      return { type: 'tool_call', id: part.id, name: part.name, arguments: part.input }
    case 'tool-result':
      return { type: 'tool_call_response', id: part.toolCallId, response: part.content as JsonValue }
    case 'image':
    case 'file':
      return { type: part.type, mime_type: part.mediaType }
    case 'custom':
      return { type: part.kind }
  }
}
