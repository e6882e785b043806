/** The wire format of the Messages API. Unknown fields, blocks, deltas and events are ignored: Anthropic adds some without notice. */
import type { JsonObject } from '@beamclaw/core'
import type { ErrorCodeTable, Failure } from '../shared/failure.ts'
import * as z from '../shared/schema.ts'

const contentBlock = z.object({
  type: z.string(),
  text: z.nullish(z.string()),
  thinking: z.nullish(z.string()),
  signature: z.nullish(z.string()),
  data: z.nullish(z.string()),
  id: z.nullish(z.string()),
  name: z.nullish(z.string()),
  input: z.optional(z.unknown()),
  citations: z.optional(z.unknown()),
})

/** Any event, or the message of an answer that was not streamed; `type` determines which fields are used. */
export const anthropicEvent = z.object({
  type: z.nullish(z.string()),
  index: z.nullish(z.number()),
  message: z.nullish(z.object({ usage: z.optional(z.unknown()) })),
  content_block: z.nullish(contentBlock),
  delta: z.nullish(
    z.object({
      type: z.nullish(z.string()),
      text: z.nullish(z.string()),
      thinking: z.nullish(z.string()),
      signature: z.nullish(z.string()),
      partial_json: z.nullish(z.string()),
      citation: z.optional(z.unknown()),
      stop_reason: z.nullish(z.string()),
    }),
  ),
  /** Read with care: text that has come is not lost for a count. */
  usage: z.optional(z.unknown()),
  content: z.nullish(z.array(contentBlock)),
  stop_reason: z.nullish(z.string()),
})

/** The types of events that are parsed; all others are skipped. */
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
export type AnthropicDelta = NonNullable<AnthropicEvent['delta']>

/** The answer of `POST /messages/count_tokens`. */
export const anthropicCount = z.object({ input_tokens: z.number() })

/** One page of `GET /models`. */
export const anthropicModelList = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      max_input_tokens: z.nullish(z.number()),
      max_tokens: z.nullish(z.number()),
    }),
  ),
  has_more: z.nullish(z.boolean()),
  last_id: z.nullish(z.string()),
})

export type ListedModel = z.infer<typeof anthropicModelList>['data'][number]

/** The body of a request. */
export type AnthropicRequest = JsonObject

/** Maps error types. */
export const anthropicErrorCodes: ErrorCodeTable = {
  specific: {
    authentication_error: 'provider-auth',
    permission_error: 'provider-auth',
    billing_error: 'provider-billing',
    rate_limit_error: 'provider-rate-limit',
    overloaded_error: 'provider-overloaded',
    timeout_error: 'provider-timeout',
    request_too_large: 'provider-context-overflow',
    // A spending limit comes as a rate limit with this code: platform.claude.com/docs/en/api/rate-limits (2026).
    enforced_spend_limit_reached: 'provider-billing',
  },
  // Refusals of type invalid_request_error. Sources: pydantic-ai's recording of a prompt that is too long; platform.claude.com/docs/en/api/errors and
  // anthropics/claude-code issues for the others (2026).
  texts: [
    [/^prompt is too long|exceed context limit|exceeds? the (?:model's )?(?:maximum )?context/i, 'provider-context-overflow'],
    [/^Your credit balance is too low|specified API usage limits/i, 'provider-billing'],
  ],
  generic: {
    invalid_request_error: 'provider-bad-request',
    not_found_error: 'provider-bad-request',
    api_error: 'provider-server',
  },
}

const errorAnswer = z.object({
  error: z.object({
    type: z.catch(z.nullish(z.string()), undefined),
    message: z.catch(z.nullish(z.string()), undefined),
    details: z.catch(z.nullish(z.object({ error_code: z.nullish(z.string()) })), undefined),
  }),
  request_id: z.catch(z.nullish(z.string()), undefined),
})

/** Returns the failure in the JSON of an answer or an event. */
export function readAnthropicError(value: unknown): Failure {
  const read = errorAnswer.safeParse(value)
  if (!read.success) return {}
  const { error, request_id: requestId } = read.data
  return {
    codes: [error.details?.error_code, error.type].filter((code): code is string => typeof code === 'string' && code !== ''),
    ...(error.message ? { text: error.message } : {}),
    ...(requestId ? { requestId } : {}),
  }
}
