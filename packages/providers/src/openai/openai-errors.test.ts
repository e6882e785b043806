import type { ErrorCode } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { serviceError } from '../shared/failure.ts'
import { Redactor } from '../shared/redactor.ts'
import type { ChatDialectName } from './dialects/dialect.ts'
import { dialects } from './dialects/dialect-table.ts'
import { readOpenAiError } from './openai-errors.ts'

function errorOf(dialect: ChatDialectName, status: number | undefined, body: unknown) {
  const context = { name: 'Test', table: dialects[dialect].errors, redactor: new Redactor([]), now: () => 0 }
  return serviceError(context, { ...readOpenAiError(body), ...(status === undefined ? {} : { status }) })
}

describe('errors without a code of their own are known by their texts', () => {
  it.each<[ChatDialectName, number | undefined, string, ErrorCode]>([
    ['generic', 400, 'prompt is too long: 213462 tokens > 200000 maximum', 'provider-context-overflow'],
    ['generic', 400, 'Your input exceeds the context window of this model.', 'provider-context-overflow'],
    ['generic', 400, 'The input (5000 tokens) is longer than the model’s context length (4096 tokens).', 'provider-bad-request'],
    ['generic', 400, "The input (5000 tokens) is longer than the model's context length (4096 tokens).", 'provider-context-overflow'],
    ['generic', 400, 'Range of input length should be [1, 129024]', 'provider-context-overflow'],
    [
      'generic',
      400,
      'Please reduce the length of the messages or completion. Current length is 42328 while limit is 40000',
      'provider-context-overflow',
    ],
    ['generic', undefined, 'Context size has been exceeded.', 'provider-context-overflow'],
    ['generic', 500, 'Context size has been exceeded.', 'provider-server'],
    [
      'vllm',
      400,
      "'max_tokens' or 'max_completion_tokens' is too large: 9. This model's maximum context length is 8 tokens and your request has 5 input tokens (9 > 8 - 5).",
      'provider-context-overflow',
    ],
    [
      'ollama',
      400,
      'the prompt is longer than the context length currently available to the model; try a shorter one',
      'provider-context-overflow',
    ],
    [
      'lmstudio',
      undefined,
      'Reached context length of 32000 tokens with model (arch: gpt-oss) that does not currently support mid-generation context overflow.',
      'provider-context-overflow',
    ],
    ['lmstudio', 400, 'Trying to keep the first 15857 tokens when context the overflows.', 'provider-context-overflow'],
    ['kimi', 400, 'Input token length too long', 'provider-context-overflow'],
    // Throttling is no overflow, though it speaks of tokens and of what is too large.
    [
      'generic',
      429,
      'Tokens per minute limit exceeded - too many tokens processed. Please reduce the length of the messages.',
      'provider-rate-limit',
    ],
    ['generic', 413, 'Request too large on tokens per minute (TPM): Limit 8000, Requested 10013', 'provider-rate-limit'],
    ['generic', 413, 'Request Entity Too Large', 'provider-context-overflow'],
    ['generic', 400, 'Throttling error: too many tokens, maximum context length is 5 tokens', 'provider-rate-limit'],
  ])('%s, %s: %s', (dialect, status, message, code) => {
    expect(errorOf(dialect, status, { error: { message, type: 'invalid_request_error', param: null, code: null } }).code).toBe(code)
    expect(errorOf(dialect, status, { error: message }).code).toBe(code)
  })
})

describe('codes of services', () => {
  it.each<[ChatDialectName, number | undefined, unknown, ErrorCode]>([
    [
      'openrouter',
      402,
      { error: { code: 402, message: 'Busy', metadata: { limit_source: 'openrouter_in_flight_budget' } } },
      'provider-rate-limit',
    ],
    [
      'openrouter',
      402,
      { error: { code: 402, message: 'Insufficient credits', metadata: { error_type: 'payment_required' } } },
      'provider-billing',
    ],
    [
      'openrouter',
      undefined,
      { error: { code: 502, message: 'Lost', metadata: { error_type: 'provider_unavailable' } } },
      'provider-overloaded',
    ],
    ['openrouter', undefined, { error: { code: 504, message: 'Idle', metadata: { error_type: 'timeout' } } }, 'provider-timeout'],
    [
      'openrouter',
      403,
      { error: { code: 403, message: 'Flagged', metadata: { reasons: ['x'], flagged_input: 'y' } } },
      'provider-content-filter',
    ],
    [
      'openrouter',
      400,
      { error: { code: 400, message: 'Long', metadata: { error_type: 'context_length_exceeded' } } },
      'provider-context-overflow',
    ],
    ['openai', 503, { error: { message: 'Busy', type: 'service_unavailable_error', code: 'server_is_overloaded' } }, 'provider-overloaded'],
    ['openai', 429, { error: { message: 'Spent', type: 'insufficient_quota', code: 'credit_balance_exhausted' } }, 'provider-billing'],
    ['azure', 429, { error: { code: 'RateLimitReached', message: 'Your requests have exceeded rate limit.' } }, 'provider-rate-limit'],
    [
      'azure',
      404,
      { error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' } },
      'provider-bad-request',
    ],
    ['kimi', 429, { error: { type: 'engine_overloaded_error', message: 'The engine is currently overloaded' } }, 'provider-overloaded'],
    ['kimi', 429, { error: { type: 'rate_limit_reached_error', message: 'max RPM: 3' } }, 'provider-rate-limit'],
    ['gemini', 503, [{ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }], 'provider-overloaded'],
    ['gemini', 402, [{ error: { code: 402, message: 'Prepaid credit depleted', status: 'RESOURCE_EXHAUSTED' } }], 'provider-billing'],
    ['llama-cpp', 503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }, 'provider-overloaded'],
    ['vllm', 401, { error: 'Unauthorized' }, 'provider-auth'],
    ['xai', 403, { code: 'permission-denied', error: 'Content violates usage guidelines.' }, 'provider-content-filter'],
    ['generic', 400, { detail: 'Wrong' }, 'provider-bad-request'],
    ['generic', 500, null, 'provider-server'],
    ['generic', 500, [], 'provider-server'],
    [
      'generic',
      400,
      { error: { message: 5, code: {}, type: [], metadata: 'x', details: [null, 5, { reason: 6 }] } },
      'provider-bad-request',
    ],
  ])('%s, %s: %j', (dialect, status, body, code) => {
    expect(errorOf(dialect, status, body).code).toBe(code)
  })

  it.each([
    ['Please try again in 11.054s.', 11_054],
    ['Please try again in 1m26.4s. Upgrade', 86_400],
    ['Please try again in 450ms', 450],
    ['Please retry in 21.69s.', 21_690],
    ['please try again after 2 seconds', 2_000],
    ['try again later', undefined],
    ['try again in a second', undefined],
  ])('a wait that only the text names is kept: %s', (message, waitMs) => {
    expect(errorOf('openai', 429, { error: { message, code: 'rate_limit_exceeded' } }).retryAfterMs).toBe(waitMs)
    expect(errorOf('openai', 400, { error: { message } }).retryAfterMs).toBeUndefined()
  })
})
