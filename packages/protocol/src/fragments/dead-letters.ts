/** `sessions.deadLetters` and `sessions.redrive`: messages whose runs were given up. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'

const deadLettersParams = z.strictObject({ sessionKey: sessionKeyText, agentId: nonEmpty.optional() })

const deadLettersResult = z.strictObject({
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

const redriveParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  /** The dead letter that is sent again. */
  runId: runIdText,
})

const redriveResult = z.strictObject({
  /** The run that the message has now; a repeat gets the same one. */
  runId: runIdText,
  /** The run that was given up. */
  redrives: runIdText,
  status: z.enum(['started', 'in_flight', 'ok', 'error', 'aborted']),
})

export const deadLetterMethods = defineMethods({
  'sessions.deadLetters': { scope: 'operator.read', params: deadLettersParams, result: deadLettersResult },
  'sessions.redrive': { scope: 'operator.write', params: redriveParams, result: redriveResult },
})

export type DeadLettersParams = z.infer<typeof deadLettersParams>
export type DeadLettersResult = z.infer<typeof deadLettersResult>
export type RedriveParams = z.infer<typeof redriveParams>
export type RedriveResult = z.infer<typeof redriveResult>
