/** The pieces that schemas of several frames share. */
import * as z from 'zod'

export const nonEmpty = z.string().min(1)
export const count = z.int().min(0)
/** Wall time in milliseconds since 1970. */
export const timestamp = z.int().min(0)
/** A session, by its full key `agent:<agentId>:<sessionId>` or by the session part of one of the default agent's. */
export const sessionKeyText = z.string().min(1).max(512)
/** Names a message, so that a repeat is known as one; also the name of its run. */
export const runIdText = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'takes 1 to 256 printable ASCII characters without spaces')
