/** Schemas that several frames share. */
import * as z from 'zod'

export const nonEmpty = z.string().min(1)
export const count = z.int().min(0)
/** Wall time in milliseconds since 1970. */
export const timestamp = z.int().min(0)
/** A session: its full key `agent:<agentId>:<sessionId>`, or the session part for one of the default agent. */
export const sessionKeyText = z.string().min(1).max(512)
/** Idempotency key of a message, and the id of its run. */
export const runIdText = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 printable ASCII characters without spaces')
