/** What travels between us and the Messages API. Unknown fields, blocks, deltas and events are ignored: Anthropic adds some without notice. */
import type { JsonObject } from '@beamclaw/core'
import * as z from 'zod'
import type { ErrorCodeTable, Failure } from '../shared/failure.ts'

const usage = z.object({
  input_tokens: z.number().nullish(),
  output_tokens: z.number().nullish(),
  cache_read_input_tokens: z.number().nullish(),
  cache_creation_input_tokens: z.number().nullish(),
})

const contentBlock = z.object({
  type: z.string(),
  text: z.string().nullish(),
  thinking: z.string().nullish(),
  signature: z.string().nullish(),
  data: z.string().nullish(),
  id: z.string().nullish(),
  name: z.string().nullish(),
  input: z.unknown().optional(),
})

/** Any event, or the message of an answer that was not streamed; `type` says which fields matter. */
export const anthropicEvent = z.object({
  type: z.string().nullish(),
  index: z.number().nullish(),
  message: z.object({ usage: usage.nullish() }).nullish(),
  content_block: contentBlock.nullish(),
  delta: z
    .object({
      type: z.string().nullish(),
      text: z.string().nullish(),
      thinking: z.string().nullish(),
      signature: z.string().nullish(),
      partial_json: z.string().nullish(),
      stop_reason: z.string().nullish(),
    })
    .nullish(),
  usage: usage.nullish(),
  content: z.array(contentBlock).nullish(),
  stop_reason: z.string().nullish(),
})

/** The events that carry something; all others are skipped unread. */
export const anthropicEventTypes: ReadonlySet<unknown> = new Set([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'message',
  'error',
])

export type AnthropicEvent = z.infer<typeof anthropicEvent>
export type AnthropicContentBlock = z.infer<typeof contentBlock>
export type AnthropicUsage = z.infer<typeof usage>

/** One page of `GET /models`. */
export const anthropicModels = z.object({
  data: z.array(z.object({ id: z.string(), max_input_tokens: z.number().nullish() })),
  has_more: z.boolean().nullish(),
  last_id: z.string().nullish(),
})

/** The body of a request. */
export type AnthropicRequest = JsonObject

/** What error types mean. */
export const anthropicErrorCodes: ErrorCodeTable = {
  specific: {
    authentication_error: 'provider-auth',
    permission_error: 'provider-auth',
    billing_error: 'provider-billing',
    rate_limit_error: 'provider-rate-limit',
    overloaded_error: 'provider-overloaded',
    timeout_error: 'provider-timeout',
    request_too_large: 'provider-context-overflow',
  },
  generic: {
    invalid_request_error: 'provider-bad-request',
    not_found_error: 'provider-bad-request',
    api_error: 'provider-server',
  },
}

const errorAnswer = z.object({
  error: z.object({ type: z.string().nullish().catch(undefined), message: z.string().nullish().catch(undefined) }),
  request_id: z.string().nullish().catch(undefined),
})

/** Reads an error out of an answer's or an event's JSON. */
export function readAnthropicError(value: unknown): Failure {
  const read = errorAnswer.safeParse(value)
  if (!read.success) return {}
  const { error, request_id: requestId } = read.data
  return {
    codes: error.type ? [error.type] : [],
    ...(error.message ? { text: error.message } : {}),
    ...(requestId ? { requestId } : {}),
  }
}
