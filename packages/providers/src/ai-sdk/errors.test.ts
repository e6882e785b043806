// Errors of every kind become one of ours, with a code that says what to do and without secrets.
import { inspect } from 'node:util'
import {
  APICallError,
  InvalidResponseDataError,
  LoadAPIKeyError,
  NoSuchModelError,
  TypeValidationError,
  UnsupportedFunctionalityError,
} from '@ai-sdk/provider'
import type { BeamClawError } from '@beamclaw/core'
import { RetryError } from 'ai'
import { describe, expect, test } from 'vitest'
import { AiSdkProvider } from './ai-sdk-provider.ts'
import { collect, mockModel, partsFrom } from './testing/mock-models.ts'

const secret = '0123456789abcdef'

async function errorOf(thrown: unknown): Promise<BeamClawError> {
  const { model } = mockModel('v4', () => Promise.reject(thrown), { provider: 'mock.chat' })
  return collect(new AiSdkProvider({ model, secrets: [secret] })).then(
    () => expect.unreachable('there is an error'),
    (error: BeamClawError) => error,
  )
}

const apiError = (statusCode: number | undefined, body: unknown, more: object = {}): APICallError =>
  new APICallError({
    message: `said ${secret}`,
    url: `https://example.com/?key=${secret}`,
    requestBodyValues: { prompt: 'the question' },
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(body === undefined ? {} : { responseBody: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...more,
  })

describe('an error of a call', () => {
  test.each([
    [401, { error: { message: 'Wrong key', code: 'invalid_api_key' } }, 'provider-auth'],
    [403, { error: { message: 'No' } }, 'provider-auth'],
    [402, {}, 'provider-billing'],
    [429, { error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } }, 'provider-billing'],
    [429, { error: { message: 'You exceeded your current quota.' } }, 'provider-billing'],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API.' } },
      'provider-billing',
    ],
    [
      429,
      { error: { message: 'Rate limit reached: 30000 tokens per minute; too large for model with 8192 maximum context length' } },
      'provider-rate-limit',
    ],
    [
      400,
      { error: { message: "This model's maximum context length is 8192 tokens.", code: 'context_length_exceeded' } },
      'provider-context-overflow',
    ],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' } },
      'provider-context-overflow',
    ],
    [413, 'Request Entity Too Large', 'provider-context-overflow'],
    [400, { error: { message: 'Blocked', code: 'content_filter' } }, 'provider-content-filter'],
    [400, { error: { message: 'No such field' } }, 'provider-bad-request'],
    [404, '<html>not found</html>', 'provider-bad-request'],
    [529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'provider-overloaded'],
    [503, '', 'provider-server'],
    [504, '', 'provider-timeout'],
  ])('with status %i and body %j is %s', async (status, body, code) => {
    const error = await errorOf(apiError(status, body))
    expect(error).toMatchObject({ code, details: { status } })
    expect(error.message).toMatch(/^The model of mock\.chat answered \d+/)
  })

  test('says what the service said and what to quote to its support, and shows neither secret, body nor request', async () => {
    const headers = { 'Retry-After': '7', 'x-request-id': 'req_1' }
    const body = { error: { message: `Slow down, ${secret}`, code: 'rate_limit_exceeded' }, debug: 'inner detail' }
    const error = await errorOf(apiError(429, body, { responseHeaders: headers }))
    expect(error).toMatchObject({
      code: 'provider-rate-limit',
      message: 'The model of mock.chat answered 429: Slow down, [redacted]',
      retryAfterMs: 7_000,
      details: { providerCode: 'rate_limit_exceeded', requestId: 'req_1' },
    })
    const shown = inspect(error, { depth: 10, showHidden: true })
    for (const hidden of [secret, 'inner detail', 'the question', 'example.com']) expect(shown).not.toContain(hidden)
  })

  test('that never reached the service is one of the network', async () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(await errorOf(apiError(undefined, undefined, { cause, isRetryable: true }))).toMatchObject({
      code: 'provider-network',
      message: expect.stringMatching(/\(ECONNREFUSED\)\. Nothing listens there: start the server/),
      details: { errorCode: 'ECONNREFUSED' },
    })
    const unexplained = {
      code: 'provider-network',
      message: expect.stringContaining('Check that the server runs, the network, and "baseUrl"'),
    }
    expect(await errorOf(apiError(undefined, undefined, { cause: new Error('bad port'), isRetryable: true }))).toMatchObject(unexplained)
    expect(await errorOf(new TypeError('Failed to fetch'))).toMatchObject(unexplained)
    expect(await errorOf(new TypeError('fetch failed', { cause }))).toMatchObject({ code: 'provider-network' })
    expect(await errorOf(new TypeError('terminated'))).toMatchObject({ code: 'provider-network' })
    expect(await errorOf(Object.assign(new Error('x'), { code: 'UND_ERR_CONNECT_TIMEOUT' }))).toMatchObject({ code: 'provider-timeout' })
    expect(await errorOf(new DOMException('late', 'TimeoutError'))).toMatchObject({ code: 'provider-timeout' })
    expect(await errorOf(new DOMException('gone', 'AbortError'))).toMatchObject({ code: 'provider-network' })
  })

  test('in an answer of status 200 is what it says, otherwise one of the protocol', async () => {
    const busy = { code: 'The service is currently unavailable', error: 'Busy' }
    expect(await errorOf(apiError(200, busy))).toMatchObject({ code: 'provider-overloaded' })
    expect(await errorOf(apiError(200, 'no JSON'))).toMatchObject({ code: 'provider-protocol', details: { status: 200 } })
  })

  test.each([
    [new LoadAPIKeyError({ message: 'The key is missing. Set MOCK_API_KEY.' }), 'provider-auth', 'Set MOCK_API_KEY'],
    [new NoSuchModelError({ modelId: 'x', modelType: 'languageModel' }), 'provider-bad-request', 'No such'],
    [new UnsupportedFunctionalityError({ functionality: 'audio' }), 'provider-bad-request', 'audio'],
    [new InvalidResponseDataError({ data: { secret }, message: 'Expected an id' }), 'provider-protocol', 'AI_InvalidResponseDataError'],
    [new TypeValidationError({ value: { text: 'inner detail' }, cause: new Error('x') }), 'provider-protocol', 'AI_TypeValidationError'],
    [new RetryError({ message: 'x', reason: 'maxRetriesExceeded', errors: [apiError(401, {})] }), 'provider-auth', '401'],
  ])('of the AI SDK itself keeps what helps: %s', async (thrown, code, says) => {
    const error = await errorOf(thrown)
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) })
    expect(inspect(error, { depth: 10 })).not.toContain('inner detail')
  })

  test('of a foreign kind is told by its kind, and its text is only the cause', async () => {
    const error = await errorOf(new RangeError(`quotes ${secret} and the question`))
    expect(error).toMatchObject({
      code: 'provider-protocol',
      message: 'The model of mock.chat: the model threw RangeError, which is no error of a service',
    })
    expect(inspect(error, { depth: 10 })).not.toContain(secret)
  })
})

describe('an error in a stream', () => {
  const frame = (error: unknown): Promise<unknown> =>
    partsFrom(
      [
        { type: 'text-delta', id: '0', delta: 'x' },
        { type: 'error', error },
      ],
      { secrets: [secret] },
    )

  test.each([
    ['something broke', 'provider-server'],
    [undefined, 'provider-server'],
    [{ type: 'overloaded_error', message: 'Overloaded' }, 'provider-overloaded'],
    [
      { message: 'Limit', code: 'rate_limit_exceeded', type: 'tokens', statusCode: 429, isRetryable: true, data: {} },
      'provider-rate-limit',
    ],
    [{ type: 'error', code: 'insufficient_quota', message: 'Quota' }, 'provider-billing'],
    [{ type: 'response.failed', response: { error: { code: 'server_error', message: 'x' } } }, 'provider-server'],
    [{ type: 'response.failed', response: { error: { code: 'context_length_exceeded', message: 'x' } } }, 'provider-context-overflow'],
    [{ message: 'Your input exceeds the context window of this model.' }, 'provider-context-overflow'],
    [apiError(401, {}), 'provider-auth'],
    [7, 'provider-server'],
    [Symbol('x'), 'provider-server'],
  ])('ends it: %o is %s', async (error, code) => {
    await expect(frame(error)).rejects.toMatchObject({ code })
  })

  test('shows no secret', async () => {
    const error = await frame({ type: 'overloaded_error', message: `Overloaded: ${secret}` }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: 'The model of mock.chat reported an error in its stream: Overloaded: [redacted]' })
  })
})
