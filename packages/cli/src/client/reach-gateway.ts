/** HTTP requests to a gateway, with distinct errors for each kind of failure. */
import { ClientError } from './client-error.ts'

/** The response of `/health`. */
export interface Health {
  readonly status: 'ok'
  readonly version: string
  readonly uptimeMs: number
}

/** Checks that a gateway listens at an address. Rejects with `ClientError`. */
export async function reachGateway(url: string, timeoutMs: number): Promise<Health> {
  const response = await ask(`${url}/health`, timeoutMs)
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && isHealth(body)) return body
  throw new ClientError('not-a-gateway', `What listens at ${url} is no BeamClaw gateway`)
}

/** Sends a request with a deadline. Rejects with `ClientError` when there is no response; resolves for any status. */
export async function ask(url: string, timeoutMs: number, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    const { origin } = new URL(url)
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new ClientError('connect-timeout', `Nothing answers at ${origin} within ${timeoutMs} ms`, error)
    }
    if (systemCode(error) === 'ECONNREFUSED') {
      throw new ClientError('not-running', `No gateway is running at ${origin}; start one with: beamclaw start`, error)
    }
    throw new ClientError('not-running', `${origin} cannot be reached (${systemCode(error) ?? 'no HTTP'}); is --url right?`, error)
  }
}

function isHealth(body: unknown): body is Health {
  return typeof body === 'object' && body !== null && 'status' in body && body.status === 'ok' && 'version' in body
}

/** Returns the system's error code, from anywhere in the chain of causes. */
function systemCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
    if (cause instanceof AggregateError) return systemCode(cause.errors[0])
  }
  return undefined
}
