/** Maps failures of a service or the network to a BeamClawError: by the service's codes and the status, and by texts only where a service has no code for a case. */
import { BeamClawError, type ErrorCode } from '@beamclaw/core'
import { adviceOn, adviceOnConnection, adviceOnProxy, type KeySource } from './advice.ts'
import type { Redactor } from './redactor.ts'
import { type HeaderReader, readRequestId, retryAfterMs } from './retry-after.ts'

/**
 * Maps the codes of one service. `specific` codes take precedence over `texts`, these over the HTTP status, and that over `generic` codes. `texts` are for
 * refusals that have no code of their own; they apply to a status from 400 to 429, and to errors in a stream.
 */
export interface ErrorCodeTable {
  readonly specific: Readonly<Record<string, ErrorCode>>
  readonly texts?: readonly (readonly [text: RegExp, code: ErrorCode])[]
  readonly generic: Readonly<Record<string, ErrorCode>>
}

/** The facts about a failed call. */
export interface Failure {
  readonly status?: number
  /** The service's own codes, the most specific one first. */
  readonly codes?: readonly string[]
  readonly text?: string
  readonly requestId?: string
  readonly headers?: HeaderReader
  /** The wait that the service asks for, where the headers name none. */
  readonly retryAfterMs?: number
  /** The path that was asked. */
  readonly path?: string
}

/** The context of failures: the service's name, its codes, its secrets and the clock. */
export interface FailureContext {
  readonly name: string
  readonly table: ErrorCodeTable
  readonly redactor: Redactor
  readonly now: () => number
  readonly key?: KeySource
  readonly isHttps?: boolean
  /** The environment variable of the proxy that requests go through. */
  readonly proxyVariable?: string
}

/** Returns the error for a failure that the service itself reported. */
export function serviceError(context: FailureContext, failure: Failure): BeamClawError {
  const { name, redactor } = context
  const codes = failure.codes ?? []
  const code = classify(context.table, failure, codes)
  const said = failure.text === undefined ? '' : redactor.clean(failure.text)
  const where = failure.status === undefined ? 'reported an error in its stream' : `answered ${failure.status}`
  const isRateLimit = code === 'provider-rate-limit'
  const inHeaders = failure.headers === undefined ? undefined : retryAfterMs(failure.headers, context.now(), isRateLimit)
  const retryAfter = inHeaders ?? (isRateLimit ? failure.retryAfterMs : undefined)
  const requestId = failure.requestId ?? (failure.headers === undefined ? undefined : readRequestId(failure.headers))
  const advice = adviceOn(code, { status: failure.status, text: failure.text, codes, path: failure.path, key: context.key })
  return new BeamClawError(code, sentences(`${name} ${where}${said === '' ? '' : `: ${said}`}`, advice), {
    ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    details: {
      ...(failure.status === undefined ? {} : { status: failure.status }),
      ...(codes[0] === undefined ? {} : { providerCode: redactor.clean(codes[0], 64) }),
      ...(requestId === undefined ? {} : { requestId: redactor.clean(requestId, 128) }),
      ...(code === 'provider-timeout' ? { deadline: 'server' } : {}),
    },
  })
}

function sentences(what: string, advice: string | undefined): string {
  return advice === undefined ? what : `${what.replace(/[\s.]+$/, '')}. ${advice}`
}

/** Texts of errors are short; a longer one quotes something, which may say anything. */
const maxReadText = 2_000

function classify(table: ErrorCodeTable, { status, text = '' }: Failure, codes: readonly string[]): ErrorCode {
  for (const code of codes) if (Object.hasOwn(table.specific, code)) return table.specific[code] ?? 'provider-server'
  if (status === undefined || (status >= 400 && status <= 429)) {
    for (const [pattern, code] of table.texts ?? []) if (pattern.test(text.slice(0, maxReadText))) return code
  }
  if (status !== undefined) return byStatus(status)
  for (const code of codes) if (Object.hasOwn(table.generic, code)) return table.generic[code] ?? 'provider-server'
  return 'provider-server'
}

function byStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'provider-auth'
    case 402:
      return 'provider-billing'
    case 408:
    case 504:
    case 524:
      return 'provider-timeout'
    case 413:
      return 'provider-context-overflow'
    case 429:
      return 'provider-rate-limit'
    case 529:
      return 'provider-overloaded'
    default:
      return status >= 500 ? 'provider-server' : 'provider-bad-request'
  }
}

/** Returns the error for an answer that violates the protocol. */
export function protocolError(name: string, what: string, details: Readonly<Record<string, unknown>> = {}): BeamClawError {
  return new BeamClawError('provider-protocol', `${name}: ${what}`, { details })
}

const brokenEndings: ReadonlySet<string> = new Set(['provider-network', 'provider-timeout', 'provider-protocol'])

/** Returns true for failures that can be ignored once the answer is complete. */
export function isBrokenEnding(error: unknown): boolean {
  return BeamClawError.isInstance(error) && brokenEndings.has(error.code)
}

const connectCodes = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL']
const timeoutCodes = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['ETIMEDOUT', 'connect'],
  ['UND_ERR_HEADERS_TIMEOUT', 'first-byte'],
  ['UND_ERR_BODY_TIMEOUT', 'idle'],
])

/** Returns the error for a connection that failed in `phase`. */
export function networkError(context: FailureContext, thrown: unknown, phase: 'connect' | 'headers' | 'body'): BeamClawError {
  const { errorCode, text, isNoHttp } = deepest(thrown)
  // A new Error replaces the one thrown, which may contain the request and with it the API key.
  const cause = new Error(context.redactor.clean(text, 200))
  const about = { ...(errorCode === undefined ? {} : { errorCode: context.redactor.clean(errorCode, 64) }) }
  const reached = connectCodes.includes(errorCode ?? '') ? 'connect' : phase
  const atProxy =
    context.proxyVariable === undefined || reached !== 'connect' ? undefined : adviceOnProxy(errorCode, text, context.proxyVariable)
  if (atProxy !== undefined) {
    return new BeamClawError('provider-network', sentences(`${context.name}: the connection failed`, atProxy.text), {
      cause,
      ...(atProxy.isLasting ? { isRetryable: false } : {}),
      details: { phase: 'connect', proxyVariable: context.proxyVariable, ...about },
    })
  }
  const deadline = timeoutCodes.get(errorCode ?? '')
  if (deadline !== undefined) {
    return new BeamClawError('provider-timeout', `${context.name}: the connection timed out`, { cause, details: { deadline, ...about } })
  }
  if (/^(?:Z_|ERR_(?:BROTLI|ZSTD|CONTENT_ENCODING|_?ZLIB))/.test(errorCode ?? '')) {
    const advice = 'Let the server, or the gateway before it, send answers uncompressed'
    return protocolError(context.name, `the compression of the answer cannot be undone. ${advice}`, about)
  }
  const suffix = errorCode === undefined ? '' : ` (${about.errorCode})`
  const advice = adviceOnConnection(errorCode, { isNoHttp, phase: reached, isHttps: context.isHttps })
  return new BeamClawError('provider-network', sentences(`${context.name}: the connection failed${suffix}`, advice?.text), {
    cause,
    ...(advice?.isLasting === true ? { isRetryable: false } : {}),
    details: { phase: reached, ...about },
  })
}

function deepest(thrown: unknown): { readonly errorCode: string | undefined; readonly text: string; readonly isNoHttp: boolean } {
  let errorCode: string | undefined
  let isNoHttp = false
  let text = 'unknown network failure'
  let current = thrown
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    text = current.message || text
    isNoHttp ||= current.name === 'HTTPParserError'
    const code: unknown = Reflect.get(current, 'code')
    if (typeof code === 'string') errorCode = code
    current = current instanceof AggregateError ? (current.errors[0] ?? current.cause) : current.cause
  }
  return { errorCode, text, isNoHttp }
}
