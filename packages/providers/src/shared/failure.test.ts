/** Every class of failure, as both services report them. */
import { BeamClawError, type ErrorCode, type Provider, type ProviderRequest } from '@beamclaw/core'
import { type ModelAnswer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'

const request: ProviderRequest = { model: 'scripted-1', messages: [{ role: 'user', content: 'hello' }] }

async function failureOf(provider: Provider, asked = request): Promise<BeamClawError> {
  try {
    for await (const _ of provider.doStream(asked, { signal: new AbortController().signal }));
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error
    throw error
  }
  throw new Error('The stream did not fail')
}

function openAi(status: number, code: string | number | null, type: string | null = null): ModelAnswer {
  return { error: { status, body: { error: { message: 'insufficient_quota overloaded context', code, type, param: null } } } }
}

function anthropic(status: number, type: string): ModelAnswer {
  return { error: { status, body: { type: 'error', error: { type, message: 'overloaded, prompt is too long' }, request_id: 'req_1' } } }
}

describe('OpenAI failures', () => {
  const cases: readonly [ErrorCode, ModelAnswer][] = [
    ['provider-auth', openAi(401, 'invalid_api_key')],
    ['provider-auth', openAi(401, null, 'invalid_request_error')],
    ['provider-auth', openAi(403, 'unsupported_country_region_territory')],
    ['provider-billing', openAi(429, 'insufficient_quota', 'insufficient_quota')],
    ['provider-billing', openAi(402, 402)],
    ['provider-rate-limit', openAi(429, 'rate_limit_exceeded', 'requests')],
    ['provider-rate-limit', openAi(429, null)],
    ['provider-overloaded', openAi(503, 'overloaded')],
    ['provider-overloaded', openAi(529, null)],
    ['provider-server', openAi(503, null, 'server_error')],
    ['provider-server', openAi(500, null, 'server_error')],
    ['provider-server', { error: { status: 502, body: '<html>Bad gateway</html>' } }],
    ['provider-timeout', openAi(408, null)],
    ['provider-timeout', openAi(504, null)],
    ['provider-context-overflow', openAi(400, 'context_length_exceeded', 'invalid_request_error')],
    ['provider-context-overflow', openAi(413, null)],
    ['provider-context-overflow', openAi(400, 400, 'exceed_context_size_error')],
    ['provider-content-filter', openAi(400, 'content_filter')],
    ['provider-bad-request', openAi(400, null, 'invalid_request_error')],
    ['provider-bad-request', openAi(404, 'model_not_found')],
    ['provider-bad-request', { error: { status: 422, body: { detail: 'no' } } }],
    ['provider-bad-request', { error: { status: 400, body: { error: 'plain text' } } }],
    // In the stream
    ['provider-overloaded', { text: 'a b', streamError: { message: 'x', type: 'overloaded_error', code: null } }],
    ['provider-rate-limit', { text: 'a b', streamError: { message: 'x', code: 429 } }],
    ['provider-server', { text: 'a b', streamError: { message: 'rate limit' } }],
    ['provider-server', { text: 'a b', finish: 'error' }],
    ['provider-context-overflow', { frames: [{ event: 'error', data: { message: 'x', code: 'context_length_exceeded' } }] }],
  ]

  it.each(cases)('%s for %j', async (code, answer) => {
    await using server = await startModelServer({ answers: [answer] })
    const error = await failureOf(new OpenAiProvider({ baseUrl: server.baseUrl }))
    expect(error.code).toBe(code)
    if (answer.error !== undefined) expect(error.details.status).toBe(answer.error.status)
    await server.idle()
  })

  it('says when to retry, whom to ask about it, and what the service said', async () => {
    const headers = { 'retry-after': '3', 'x-request-id': 'req_42' }
    await using server = await startModelServer({ answers: [{ ...openAi(429, 'rate_limit_exceeded'), headers }] })
    const error = await failureOf(new OpenAiProvider({ baseUrl: server.baseUrl }))
    expect(error).toMatchObject({
      isRetryable: true,
      retryAfterMs: 3000,
      message: expect.stringContaining('answered 429: insufficient_quota'),
      details: { status: 429, providerCode: 'rate_limit_exceeded', requestId: 'req_42' },
    })
  })
})

describe('Anthropic failures', () => {
  const cases: readonly [ErrorCode, ModelAnswer][] = [
    ['provider-auth', anthropic(401, 'authentication_error')],
    ['provider-auth', anthropic(403, 'permission_error')],
    ['provider-billing', anthropic(402, 'billing_error')],
    ['provider-rate-limit', anthropic(429, 'rate_limit_error')],
    ['provider-overloaded', anthropic(529, 'overloaded_error')],
    ['provider-overloaded', anthropic(503, 'overloaded_error')],
    ['provider-server', anthropic(500, 'api_error')],
    ['provider-server', anthropic(503, 'api_error')],
    ['provider-timeout', anthropic(504, 'timeout_error')],
    ['provider-timeout', { error: { status: 408, body: '' } }],
    ['provider-context-overflow', anthropic(413, 'request_too_large')],
    ['provider-bad-request', anthropic(400, 'invalid_request_error')],
    ['provider-bad-request', anthropic(404, 'not_found_error')],
    ['provider-server', { error: { status: 520, body: 'Cloudflare' } }],
    // In the stream
    ['provider-overloaded', { text: 'a b', streamError: { type: 'overloaded_error', message: 'x' } }],
    ['provider-server', { text: 'a b', streamError: { type: 'api_error', message: 'x' } }],
    ['provider-bad-request', { text: 'a b', streamError: { type: 'invalid_request_error', message: 'x' } }],
    ['provider-server', { text: 'a b', streamError: { type: 'new_error', message: 'overloaded' } }],
  ]

  it.each(cases)('%s for %j', async (code, answer) => {
    await using server = await startModelServer({ answers: [answer] })
    expect((await failureOf(new AnthropicProvider({ baseUrl: server.baseUrl }))).code).toBe(code)
    await server.idle()
  })

  it.each<[string, number, object]>([
    ['provider-context-overflow', 400, { message: 'prompt is too long: 3333404 tokens > 200000 maximum' }],
    ['provider-context-overflow', 400, { message: 'input length and `max_tokens` exceed context limit: 190000 + 16384 > 200000' }],
    ['provider-billing', 400, { message: 'Your credit balance is too low to access the Anthropic API.' }],
    ['provider-bad-request', 400, { message: 'messages.0: too long a name' }],
    ['provider-server', 500, { message: 'prompt is too long' }],
    ['provider-billing', 429, { type: 'rate_limit_error', details: { error_code: 'enforced_spend_limit_reached' } }],
    [
      'provider-rate-limit',
      429,
      { type: 'rate_limit_error', message: 'This request would exceed the rate limit of 40,000 input tokens per minute' },
    ],
  ])('reads the text where there is no code: %s for %i %j', async (code, status, said) => {
    const error = { type: 'invalid_request_error', ...said }
    await using server = await startModelServer({ answers: [{ error: { status, body: { type: 'error', error } } }] })
    expect((await failureOf(new AnthropicProvider({ baseUrl: server.url }))).code).toBe(code)
  })
})
