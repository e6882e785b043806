/** Error objects of failed requests. Branch on `code` and `details.code`, never on the text. */
import * as z from 'zod'
import { count, nonEmpty } from './primitives.ts'

/** Codes of error objects. The code of the BeamClaw error, if there is one, is in `details.code`. */
export const wireErrorCodes = ['INVALID_REQUEST', 'FORBIDDEN', 'NOT_PAIRED', 'APPROVAL_NOT_FOUND', 'UNAVAILABLE'] as const

/** The error object of a failed request. */
export const errorShape = z.strictObject({
  code: z.enum(wireErrorCodes),
  message: nonEmpty,
  /** Machine-readable facts; `details.code` is stable. */
  details: z.unknown().optional(),
  retryable: z.boolean().optional(),
  retryAfterMs: count.optional(),
})

/** A code of an error object. */
export type WireErrorCode = (typeof wireErrorCodes)[number]
/** The error object of a failed request. */
export type ErrorShape = z.infer<typeof errorShape>

/** Values of `details.code` in a failed `connect`. */
export type ConnectRefusal =
  | 'AUTH_TOKEN_MISMATCH'
  | 'AUTH_RATE_LIMITED'
  | 'DEVICE_IDENTITY_REQUIRED'
  | 'PROTOCOL_MISMATCH'
  | 'CONTROL_UI_DEVICE_IDENTITY_REQUIRED'

/** Codes with which the gateway closes a connection. */
export const closeCodes = {
  normal: 1000,
  protocolMismatch: 1002,
  refused: 1008,
  tooLarge: 1009,
  internal: 1011,
  restarting: 1012,
  tryLater: 1013,
} as const
