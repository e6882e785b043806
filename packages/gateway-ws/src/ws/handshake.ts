/** Decides about a `connect` request. Pure. */
import {
  type ConnectParams,
  type ConnectRefusal,
  closeCodes,
  connectParams,
  type ErrorShape,
  heldScopes,
  minimumProbeVersion,
  protocolVersion,
  type ScopeTable,
  type WireErrorCode,
} from '@beamclaw/protocol'
import { type GatewayAuth, isToken } from '../auth/token-auth.ts'
import { check } from '../schema-check.ts'
import type { Grant } from './connection.ts'
import { describeIssue } from './failure.ts'

export interface Circumstances {
  readonly auth: GatewayAuth
  /** Every scope that can be granted. */
  readonly scopes: ScopeTable
  /** False while the gateway stops and no other node is up. */
  readonly takesConnections: boolean
  /** Milliseconds until the client's address may send a token again. */
  readonly retryAfterMs: number | undefined
}

export type Decision =
  | { readonly type: 'granted'; readonly grant: Grant }
  | {
      readonly type: 'refused'
      readonly error: ErrorShape
      readonly close: number
      readonly reason: string
      readonly wasWrongToken: boolean
    }

export function decide(params: unknown, { auth, scopes, takesConnections, retryAfterMs }: Circumstances): Decision {
  const parsed = check(connectParams, params)
  if (!parsed.success) return refused('INVALID_REQUEST', describeIssue(parsed.error, 'connect params'))
  const connect = parsed.data
  if (connect.minProtocol > protocolVersion || connect.maxProtocol < protocolVersion) return versionMismatch(connect)
  if (connect.role !== undefined && connect.role !== 'operator') {
    return refused('INVALID_REQUEST', `invalid connect params.role: expected "operator", received "${connect.role}"`)
  }
  if (!takesConnections) {
    return {
      type: 'refused',
      error: {
        code: 'UNAVAILABLE',
        message: 'the gateway is stopping; connect again after its restart',
        details: { reason: 'draining' },
        retryable: true,
        retryAfterMs: 1_000,
      },
      close: closeCodes.restarting,
      reason: 'service restart',
      wasWrongToken: false,
    }
  }
  const wrong = wrongCredentials(connect, auth, retryAfterMs)
  if (wrong !== undefined) return wrong
  if (connect.client.id === 'openclaw-control-ui' && connect.device === undefined) {
    return refusedFor('CONTROL_UI_DEVICE_IDENTITY_REQUIRED', 'INVALID_REQUEST', 'the control UI needs a device identity')
  }
  const granted = [...new Set(connect.scopes)].filter((scope) => Object.hasOwn(scopes, scope))
  return { type: 'granted', grant: { scopes: granted, held: heldScopes(granted, scopes), caps: connect.caps ?? [] } }
}

/** Returns the refusal of a frame that came before the handshake and is not a `connect` request. */
export function refusedFrame(message: string): Decision & { readonly type: 'refused' } {
  return refused('INVALID_REQUEST', message)
}

function wrongCredentials({ auth: given }: ConnectParams, auth: GatewayAuth, retryAfterMs: number | undefined): Decision | undefined {
  if (auth.mode === 'none') return undefined
  if (retryAfterMs !== undefined) {
    const about = { retryable: true, retryAfterMs }
    return refusedFor('AUTH_RATE_LIMITED', 'INVALID_REQUEST', 'too many wrong tokens from this address; wait before the next try', about, {
      recommendedNextStep: 'wait_then_retry',
    })
  }
  const token = given?.token ?? given?.password
  if (token === undefined || token === '') {
    return refusedFor(
      'DEVICE_IDENTITY_REQUIRED',
      'NOT_PAIRED',
      'this gateway needs its token in auth.token',
      {},
      {
        recommendedNextStep: 'update_auth_configuration',
      },
    )
  }
  if (given?.token !== undefined && isToken(auth, token)) return undefined
  const about = { canRetryWithDeviceToken: false, recommendedNextStep: 'update_auth_credentials' }
  return {
    ...refusedFor('AUTH_TOKEN_MISMATCH', 'INVALID_REQUEST', 'wrong token in auth.token', {}, about),
    wasWrongToken: true,
  }
}

function versionMismatch({ minProtocol, maxProtocol }: ConnectParams): Decision {
  const details = {
    code: 'PROTOCOL_MISMATCH' satisfies ConnectRefusal,
    clientMinProtocol: minProtocol,
    clientMaxProtocol: maxProtocol,
    expectedProtocol: protocolVersion,
    minimumProbeProtocol: minimumProbeVersion,
  }
  const message = `this gateway speaks version ${protocolVersion} of the protocol; the client offers ${minProtocol} to ${maxProtocol}`
  return { ...refused('INVALID_REQUEST', message, { details }), close: closeCodes.protocolMismatch, reason: 'protocol mismatch' }
}

function refusedFor(code: ConnectRefusal, error: WireErrorCode, message: string, about: Partial<ErrorShape> = {}, details: object = {}) {
  return refused(error, message, { ...about, details: { code, ...details } })
}

function refused(code: WireErrorCode, message: string, about: Partial<ErrorShape> = {}): Decision & { readonly type: 'refused' } {
  // A close frame has room for 123 bytes.
  const reason = message.replace(/[^\x20-\x7e]/g, '?').slice(0, 120)
  return { type: 'refused', error: { ...about, code, message }, close: closeCodes.refused, reason, wasWrongToken: false }
}
