/**
 * Maps what a model of the AI SDK throws, or sends as a part `error`, to a BeamClawError. It may be anything; errors are known by their fields and names, because
 * several copies of the AI SDK may be installed. The body of an answer is read for codes and the service's text, and never shown whole.
 */
import { BeamClawError, type ErrorCode } from '@beamclaw/core'
import { anthropicErrorCodes } from '../anthropic/anthropic-api.ts'
import { openAiErrorCodes, readOpenAiError } from '../openai/openai-errors.ts'
import { responsesErrorCodes } from '../openai-responses/responses-errors.ts'
import { type ErrorCodeTable, type Failure, type FailureContext, networkError, protocolError, serviceError } from '../shared/failure.ts'
import type { HeaderReader } from '../shared/retry-after.ts'

const tables = [openAiErrorCodes, responsesErrorCodes, anthropicErrorCodes]

/** Codes of all services that this package knows: a model may be of any. */
export const aiSdkErrorCodes: ErrorCodeTable = {
  specific: Object.assign({}, ...tables.map(({ specific }) => specific)) as ErrorCodeTable['specific'],
  texts: [
    ...tables.flatMap(({ texts = [] }) => texts),
    [/insufficient[ _](?:balance|credits?|funds|quota)|exceeded your current quota|credit balance is too low/i, 'provider-billing'],
  ],
  generic: Object.assign({}, ...tables.map(({ generic }) => generic)) as ErrorCodeTable['generic'],
}

/** Errors of the AI SDK itself whose text says what to do. Names: packages/provider/src/errors of github.com/vercel/ai, 2026-11. */
const told: ReadonlyMap<string, ErrorCode> = new Map([
  ['AI_LoadAPIKeyError', 'provider-auth'],
  ['AI_LoadSettingError', 'provider-bad-request'],
  ['AI_NoSuchModelError', 'provider-bad-request'],
  ['AI_NoSuchProviderError', 'provider-bad-request'],
  ['AI_NoSuchProviderReferenceError', 'provider-bad-request'],
  ['AI_UnsupportedFunctionalityError', 'provider-bad-request'],
  ['AI_InvalidPromptError', 'provider-bad-request'],
  ['AI_InvalidArgumentError', 'provider-bad-request'],
  ['AI_TooManyEmbeddingValuesForCallError', 'provider-bad-request'],
])

const networkCode = /^(?:E[A-Z]+|EAI_AGAIN|UND_ERR_\w+|Connection(?:Refused|Closed)|FailedToOpenSocket|ERR_STREAM_PREMATURE_CLOSE)$/
const networkText = /^(?:fetch failed|failed to fetch|terminated|network error|load failed)$/i

/** Characters of a body that are read; the bodies of errors are short. */
const maxBody = 64 * 1024

/** As deep as causes are followed. */
const maxDepth = 8

/** Returns the error for what a model has thrown, in `phase` of the call. Never throws. */
export function thrownError(failures: FailureContext, thrown: unknown, phase: 'headers' | 'body'): BeamClawError {
  try {
    if (BeamClawError.isInstance(thrown) && thrown.code.startsWith('provider-')) return thrown
    return knownError(failures, thrown, phase) ?? foreignError(failures, thrown)
  } catch {
    // An object whose own fields throw.
    return protocolError(failures.name, 'the model threw something that cannot be read')
  }
}

/** Returns the error for a failure that came as a part of the stream. Never throws. */
export function reportedError(failures: FailureContext, value: unknown): BeamClawError {
  try {
    if (typeof value === 'string') return serviceError(failures, { ...readOpenAiError(value) })
    if (value === undefined || value === null) return serviceError(failures, {})
    if (value instanceof Error) return thrownError(failures, value, 'body')
    return serviceError(failures, failureOf(value))
  } catch {
    return serviceError(failures, {})
  }
}

function knownError(failures: FailureContext, thrown: unknown, phase: 'headers' | 'body'): BeamClawError | undefined {
  const name = fieldOf(thrown, 'name')
  // Made by the AI SDK around the last of several attempts.
  if (name === 'AI_RetryError') return thrownError(failures, fieldOf(thrown, 'lastError'), phase)
  const code = told.get(String(name))
  if (code !== undefined)
    return new BeamClawError(code, `${failures.name}: ${failures.redactor.clean(textOf(fieldOf(thrown, 'message')) ?? '')}`)
  const failure = typeof thrown === 'object' && thrown !== null ? failureOf(thrown) : {}
  if (failure.status !== undefined) return serviceError(failures, failure)
  if (name === 'TimeoutError') {
    return new BeamClawError('provider-timeout', `${failures.name}: the call timed out`, { details: { deadline: 'server' } })
  }
  if (name === 'AbortError' || isOfNetwork(thrown)) return networkError(failures, thrown, phase)
  if (name === 'AI_APICallError') {
    const status = fieldOf(thrown, 'statusCode')
    // An answer of status 200 may still hold an error.
    if (failure.codes !== undefined && failure.codes.length > 0) return serviceError(failures, failure)
    if (typeof status === 'number') return protocolError(failures.name, 'the answer cannot be read', { status })
    return networkError(failures, thrown, phase)
  }
  if (typeof name === 'string' && name.startsWith('AI_'))
    return protocolError(failures.name, `the answer cannot be read (${failures.redactor.clean(name, 64)})`)
  if (typeof thrown === 'object' && thrown !== null && !(thrown instanceof Error) && (failure.codes ?? []).length > 0)
    return serviceError(failures, failure)
  return undefined
}

/** The text of a foreign error may quote the request: only its kind is shown, and the text is kept as the cause. */
function foreignError({ name, redactor }: FailureContext, thrown: unknown): BeamClawError {
  const kind = thrown instanceof Error ? redactor.clean(thrown.name, 64) : typeof thrown
  const cause = new Error(redactor.clean(textOf(fieldOf(thrown, 'message')) ?? kind, 200))
  return new BeamClawError('provider-protocol', `${name}: the model threw ${kind}, which is no error of a service`, { cause })
}

/** Reads the fields of an `AI_APICallError`, and of the plain objects that providers send as parts. */
function failureOf(value: unknown): Failure {
  const given = fieldOf(value, 'statusCode')
  const status = typeof given === 'number' && given >= 400 && given < 600 ? given : undefined
  const body = readBody(fieldOf(value, 'responseBody')) ?? fieldOf(value, 'data')
  const inner = bodyFailure(body)
  const own = value instanceof Error ? {} : bodyFailure(value)
  const text = inner.text ?? own.text ?? textOf(fieldOf(value, 'message'))
  const codes = [...(inner.codes ?? []), ...(own.codes ?? [])].filter((code) => code !== 'error')
  const repeated = inner.status ?? own.status
  const wait = inner.retryAfterMs ?? own.retryAfterMs
  const headers = fieldOf(value, 'responseHeaders')
  return {
    codes,
    ...(text === undefined ? {} : { text }),
    ...(status === undefined ? (repeated === undefined || given !== undefined ? {} : { status: repeated }) : { status }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(typeof headers === 'object' && headers !== null ? { headers: headerReader(headers) } : {}),
  }
}

/** Reads a body, or an event of a stream, which may have the error in its `response`. */
function bodyFailure(body: unknown): Failure {
  const response = fieldOf(body, 'response')
  const source = typeof response === 'object' && response !== null ? response : body
  return typeof source === 'object' && source !== null ? readOpenAiError(source) : {}
}

function readBody(body: unknown): unknown {
  if (typeof body !== 'string' || body.length > maxBody) return undefined
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function headerReader(headers: object): HeaderReader {
  const values = new Map(Object.entries(headers).map(([name, value]: [string, unknown]) => [name.toLowerCase(), textOf(value)]))
  return { get: (name) => values.get(name.toLowerCase()) ?? null }
}

function isOfNetwork(thrown: unknown): boolean {
  let current = thrown
  for (let depth = 0; depth < maxDepth && current instanceof Error; depth++) {
    if (networkCode.test(String(fieldOf(current, 'code'))) || networkText.test(current.message)) return true
    current = current.cause
  }
  return false
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
