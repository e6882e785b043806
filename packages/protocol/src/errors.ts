/** Error objects of refused requests. Branch on `code` and `details.code`, never on the text. */
import * as z from 'zod'
import { count, nonEmpty } from './primitives.ts'

/** Every code that an error object on the wire may carry; the code of the BeamClaw error, where there is one, is `details.code`. */
export const wireErrorCodes = ['INVALID_REQUEST', 'FORBIDDEN', 'NOT_PAIRED', 'APPROVAL_NOT_FOUND', 'UNAVAILABLE'] as const

export const errorShape = z.strictObject({
  code: z.enum(wireErrorCodes),
  message: nonEmpty,
  /** Facts for machines; `details.code` is stable. */
  details: z.unknown().optional(),
  retryable: z.boolean().optional(),
  retryAfterMs: count.optional(),
})

export type WireErrorCode = (typeof wireErrorCodes)[number]
export type ErrorShape = z.infer<typeof errorShape>

/** Values of `details.code` that a refused `connect` may carry. */
export type ConnectRefusal =
  | 'AUTH_TOKEN_MISMATCH'
  | 'AUTH_RATE_LIMITED'
  | 'DEVICE_IDENTITY_REQUIRED'
  | 'PROTOCOL_MISMATCH'
  | 'CONTROL_UI_DEVICE_IDENTITY_REQUIRED'

/** Why a connection was closed. */
export const closeCodes = {
  normal: 1000,
  protocolMismatch: 1002,
  refused: 1008,
  tooLarge: 1009,
  internal: 1011,
  restarting: 1012,
  tryLater: 1013,
} as const
