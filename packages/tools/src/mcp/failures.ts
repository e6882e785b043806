/** Says what became of a request, by what the client of the protocol threw: sent or not, answered or not. */
import { BeamClawError } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import { mcpError, unavailable, wordsOf } from './mcp-errors.ts'

/** What is known beside the error. */
export interface Circumstances {
  /** Why the connection is over; undefined while it is not known to be. */
  readonly ended: string | undefined
  /** The deadline that has passed. */
  readonly timeoutMs: number | undefined
}

/** Returns the error for a server that could not be connected. */
export function startFailure(server: string, error: unknown, { ended, timeoutMs }: Circumstances): BeamClawError {
  const problem =
    timeoutMs !== undefined
      ? `it was not ready within ${timeoutMs} ms.`
      : ended !== undefined
        ? `${ended} while it started.`
        : `${problemOf(error)}`
  return mcpError('mcp-unavailable', `MCP server "${server}" is not available: ${problem}`, {
    details: { server, ...(ended === undefined || timeoutMs !== undefined ? {} : { ended: true }) },
    cause: error,
  })
}

/** Returns the error for a request that failed. Retryable only where the server cannot have got it. */
export function callFailure(
  server: string,
  error: unknown,
  { ended, timeoutMs, wasClosed }: Circumstances & { readonly wasClosed: boolean },
): BeamClawError {
  if (wasClosed || neverArrived(error)) return unavailable(server, ended === undefined ? problemOf(error) : `${ended}.`, error)
  if (timeoutMs !== undefined || codeOf(error) === 'REQUEST_TIMEOUT') {
    return mcpError(
      'mcp-timeout',
      `MCP server "${server}" did not respond within ${timeoutMs ?? 'the'} ms. It was told to stop; whether the call took effect is not known.`,
      {
        details: { server, timeoutMs },
        cause: error,
      },
    )
  }
  if (isAnswer(error)) {
    return mcpError('mcp-refused', `MCP server "${server}" refused the request: ${sentence(wordsOf(describeError(error)))}`, {
      details: { server },
      cause: error,
    })
  }
  const why = ended === undefined ? problemOf(error) : `${ended}.`
  return mcpError(
    'mcp-call-lost',
    `The connection to MCP server "${server}" ended before it responded: ${why} Whether the call took effect is not known.`,
    {
      details: { server },
      cause: error,
    },
  )
}

/** True for what a new connection mends: the server runs, and does not know this one any more. */
export function isForgotten(error: unknown): boolean {
  return causesOf(error).some((one) => statusOf(one) === 404)
}

/** The connection was never made, or the server has forgotten it, and has read nothing more than that. */
function neverArrived(error: unknown): boolean {
  const notConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'NOT_CONNECTED'])
  return isForgotten(error) || causesOf(error).some((one) => notConnected.has(codeOf(one) ?? ''))
}

/** A response with an error, or one that is no result; an HTTP status says as much. */
function isAnswer(error: unknown): boolean {
  const code = codeOf(error)
  return (
    typeof (error as { code?: unknown } | null)?.code === 'number' ||
    code === 'INVALID_RESULT' ||
    code === 'UNSUPPORTED_RESULT_TYPE' ||
    code === 'LIST_PAGINATION_EXCEEDED' ||
    statusOf(error) !== undefined
  )
}

function problemOf(error: unknown): string {
  const ours = causesOf(error).find((one) => BeamClawError.isInstance(one))
  if (ours !== undefined) return describeError(ours)
  const status = statusOf(error)
  // The text of a response may repeat what was sent.
  if (status === 401 || status === 403) return `it does not accept the credentials (status ${status}). Correct "headers".`
  return status === undefined ? sentence(wordsOf(describeError(error), 500)) : `it responded with status ${status}.`
}

function sentence(words: string): string {
  return /[.!?…]$/.test(words) ? words : `${words}.`
}

function statusOf(error: unknown): number | undefined {
  const { data, status } = (error ?? {}) as { readonly data?: { readonly status?: unknown }; readonly status?: unknown }
  const found = data?.status ?? status
  return typeof found === 'number' ? found : undefined
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

function causesOf(error: unknown, depth = 0): readonly unknown[] {
  if (typeof error !== 'object' || error === null || depth > 5) return []
  const { cause, errors } = error as { readonly cause?: unknown; readonly errors?: unknown }
  return [error, ...[cause, ...(Array.isArray(errors) ? errors : [])].flatMap((one) => causesOf(one, depth + 1))]
}
