/** `sessions.deadLetters` and `sessions.redrive`: messages whose runs were given up. */
import * as z from 'zod'
import { nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'

export const deadLettersParams = z.strictObject({ sessionKey: sessionKeyText, agentId: nonEmpty.optional() })

export const deadLettersResult = z.strictObject({
  sessionKey: nonEmpty,
  /** Oldest first. */
  deadLetters: z.array(
    z.strictObject({
      runId: nonEmpty,
      /** When its run was given up. */
      at: timestamp,
      /** The beginning of its text. */
      text: z.string(),
    }),
  ),
})

export const redriveParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  /** The dead letter that is sent again. */
  runId: runIdText,
})

export const redriveResult = z.strictObject({
  /** The run that the message has now; a repeat gets the same one. */
  runId: runIdText,
  /** The run that was given up. */
  redrives: runIdText,
  status: z.enum(['started', 'in_flight', 'ok', 'error', 'aborted']),
})

export type DeadLettersParams = z.infer<typeof deadLettersParams>
export type DeadLettersResult = z.infer<typeof deadLettersResult>
export type RedriveParams = z.infer<typeof redriveParams>
export type RedriveResult = z.infer<typeof redriveResult>
