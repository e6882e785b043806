/** Errors on their way between nodes. What arrives is checked: a message may be forged, or come from another version. Pure. */
import type { ErrorCode } from './error-codes.ts'
import { BeamClawError, kindOf } from './errors.ts'
import type { JsonObject, JsonValue } from './messages.ts'

const maxText = 4_096
const maxDetails = 16_384
const codePattern = /^[a-z][a-z0-9-]{0,63}$/

/** Returns an error as JSON: its code, its text and what callers decide by. The text of what is no `BeamClawError` stays here: it may say anything. */
export function toWireError(error: unknown): JsonObject {
  if (!BeamClawError.isInstance(error)) return { code: 'internal', message: 'The other node failed; its log says why' }
  const { code, message, isRetryable, retryAfterMs, details } = error
  const wire: Record<string, JsonValue> = { code, message: message.slice(0, maxText), isRetryable }
  if (typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs)) wire.retryAfterMs = retryAfterMs
  const plain = plainDetails(details)
  if (plain !== undefined) wire.details = plain
  return wire
}

function plainDetails(details: BeamClawError['details']): JsonObject | undefined {
  try {
    const text = JSON.stringify(details)
    return text.length > maxDetails || text === '{}' ? undefined : (JSON.parse(text) as JsonObject)
  } catch {
    return undefined
  }
}

/** Returns the error that another node sent; `internal` for what is none. */
export function fromWireError(value: unknown): BeamClawError {
  const { code, message, isRetryable, retryAfterMs, details } = (typeof value === 'object' && value !== null ? value : {}) as JsonObject
  if (typeof code !== 'string' || !codePattern.test(code) || typeof message !== 'string')
    return new BeamClawError('internal', 'Another node answered with an error that this one cannot read')
  const known = code as ErrorCode
  return new BeamClawError(known, message.slice(0, maxText), {
    kind: kindOf(code),
    ...(typeof isRetryable === 'boolean' ? { isRetryable } : {}),
    ...(typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { retryAfterMs } : {}),
    ...(typeof details === 'object' && details !== null && !Array.isArray(details) ? { details: details as JsonObject } : {}),
  })
}
