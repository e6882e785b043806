/** The wire format of Chat Completions. Unknown fields are ignored; compatible servers may omit fields. */
import type { JsonObject } from '@beamclaw/core'
import type { ErrorCodeTable, Failure } from '../shared/failure.ts'
import * as z from '../shared/schema.ts'

const contentPart = z.object({ type: z.nullish(z.string()), text: z.nullish(z.string()) })

const toolCallPiece = z.object({
  index: z.nullish(z.int()),
  id: z.nullish(z.string()),
  function: z.nullish(
    z.object({
      name: z.nullish(z.string()),
      // Text by the specification; some servers send the parsed object.
      arguments: z.nullish(z.union([z.string(), z.record(z.string(), z.unknown())])),
    }),
  ),
})

const messagePiece = z.object({
  content: z.nullish(z.union([z.string(), z.array(contentPart)])),
  reasoning_content: z.nullish(z.string()),
  reasoning: z.catch(z.nullish(z.string()), undefined),
  refusal: z.nullish(z.string()),
  tool_calls: z.nullish(z.array(toolCallPiece)),
})

const usage = z.object({
  prompt_tokens: z.nullish(z.number()),
  completion_tokens: z.nullish(z.number()),
  prompt_tokens_details: z.nullish(z.object({ cached_tokens: z.nullish(z.number()), cache_write_tokens: z.nullish(z.number()) })),
  prompt_cache_hit_tokens: z.nullish(z.number()),
})

/** One chunk of a stream, or a whole completion: the latter has `message` where the former has `delta`. */
export const openAiChunk = z.object({
  choices: z.nullish(
    z.array(
      z.object({
        index: z.nullish(z.number()),
        delta: z.nullish(messagePiece),
        message: z.nullish(messagePiece),
        finish_reason: z.nullish(z.string()),
      }),
    ),
  ),
  usage: z.nullish(usage),
  error: z.optional(z.unknown()),
})

export type OpenAiChunk = z.infer<typeof openAiChunk>
export type OpenAiMessagePiece = z.infer<typeof messagePiece>
export type OpenAiToolCallPiece = z.infer<typeof toolCallPiece>
export type OpenAiUsage = z.infer<typeof usage>

/** The answer of `GET /models`; `context_length` is OpenRouter's, `max_model_len` is vLLM's. */
export const openAiModels = z.object({
  data: z.array(z.object({ id: z.string(), context_length: z.nullish(z.number()), max_model_len: z.nullish(z.number()) })),
})

/** The body of a request. */
export type OpenAiRequest = JsonObject

/** Maps error codes and types: OpenAI's own, and those of compatible servers where they differ. */
export const openAiErrorCodes: ErrorCodeTable = {
  specific: {
    invalid_api_key: 'provider-auth',
    invalid_organization: 'provider-auth',
    unsupported_country_region_territory: 'provider-auth',
    insufficient_quota: 'provider-billing',
    billing_hard_limit_reached: 'provider-billing',
    billing_not_active: 'provider-billing',
    account_deactivated: 'provider-billing',
    insufficient_balance: 'provider-billing',
    rate_limit_exceeded: 'provider-rate-limit',
    overloaded: 'provider-overloaded',
    overloaded_error: 'provider-overloaded',
    engine_overloaded: 'provider-overloaded',
    engine_overloaded_error: 'provider-overloaded',
    server_overloaded: 'provider-overloaded',
    slow_down: 'provider-overloaded',
    capacity_exceeded: 'provider-overloaded',
    context_length_exceeded: 'provider-context-overflow',
    // llama.cpp
    exceed_context_size_error: 'provider-context-overflow',
    content_filter: 'provider-content-filter',
    content_policy_violation: 'provider-content-filter',
    moderation_blocked: 'provider-content-filter',
    model_not_found: 'provider-bad-request',
  },
  generic: {
    authentication_error: 'provider-auth',
    permission_error: 'provider-auth',
    requests: 'provider-rate-limit',
    tokens: 'provider-rate-limit',
    rate_limit_error: 'provider-rate-limit',
    invalid_request_error: 'provider-bad-request',
    not_found_error: 'provider-bad-request',
    BadRequestError: 'provider-bad-request',
    timeout: 'provider-timeout',
  },
}

const errorObject = z.object({
  message: z.catch(z.nullish(z.string()), undefined),
  code: z.catch(z.nullish(z.union([z.string(), z.number()])), undefined),
  type: z.catch(z.nullish(z.string()), undefined),
})

/** Returns the failure in the JSON of an answer: `{error: {...}}`, `{error: "text"}`, or the error object by itself. */
export function readOpenAiError(value: unknown): Failure {
  const inner: unknown = typeof value === 'object' && value !== null && 'error' in value ? value.error : value
  if (typeof inner === 'string') return { text: inner }
  const read = errorObject.safeParse(inner)
  if (!read.success) return {}
  const { message, code, type } = read.data
  const codes = [code, type].filter((item) => item !== undefined && item !== null).map(String)
  // Routers repeat the upstream's HTTP status as the code; within a stream that is the only status there is.
  const status = codes.map(Number).find((item) => item >= 400 && item < 600)
  return {
    codes: codes.filter((item) => item !== ''),
    ...(message === undefined || message === null ? {} : { text: message }),
    ...(status === undefined ? {} : { status }),
  }
}
