/** The failures of requests to the web. Their messages name the host of a URL and nothing else of it: the rest may hold a secret. */
import { BeamClawError } from '@beamclaw/core'

/** Returns the error for a URL that a rule refuses. */
export function urlRefused(rule: string, reason: string, host: string): BeamClawError {
  const shown = host.slice(0, 253)
  return new BeamClawError('url-refused', `The URL${shown === '' ? '' : ` of host "${shown}"`} is refused: ${reason}.`, {
    details: { rule, host: shown },
  })
}

/** Returns the error for a request that failed. */
export function fetchFailed(
  problem: string,
  { host, isRetryable = false, retryAfterMs, cause, ...details }: FetchFailure & Readonly<Record<string, unknown>>,
): BeamClawError {
  return new BeamClawError('fetch-failed', `The request to "${host.slice(0, 253)}" failed: ${problem}`, {
    isRetryable,
    details: { host, ...details },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(cause === undefined ? {} : { cause }),
  })
}

interface FetchFailure {
  readonly host: string
  readonly isRetryable?: boolean
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

const transientCodes: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNRESET',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
])

const knownProblems: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host name does not exist.',
  EAI_AGAIN: 'its host name could not be looked up. Try again later.',
  ECONNREFUSED: 'nothing accepts connections at its port.',
  UND_ERR_HEADERS_OVERFLOW: 'its response headers are too large.',
}

/** Returns the error for what `fetch` or a stream of its response threw. */
export function asFetchError(error: unknown, host: string): BeamClawError {
  for (const cause of causesOf(error)) if (BeamClawError.isInstance(cause)) return cause
  const code = causesOf(error)
    .map(codeOf)
    .find((one) => one !== undefined)
  const known = code === undefined ? undefined : knownProblems[code]
  const problem = known ?? (code === undefined ? 'the response is not valid.' : `the connection failed (${code}).`)
  return fetchFailed(problem, { host, isRetryable: code !== undefined && transientCodes.has(code), cause: error })
}

/** An error and what caused it, also behind the errors of several attempts to connect. */
function causesOf(error: unknown, depth = 0): readonly unknown[] {
  if (typeof error !== 'object' || error === null || depth > 5) return []
  const { cause, errors } = error as { readonly cause?: unknown; readonly errors?: readonly unknown[] }
  const below = Array.isArray(errors) ? errors : []
  return [error, ...[cause, ...below].flatMap((one) => causesOf(one, depth + 1))]
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : undefined
}
