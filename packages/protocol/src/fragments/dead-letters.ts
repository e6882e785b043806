/** The methods `sessions.deadLetters` and `sessions.redrive`: messages whose runs were given up. */
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
  /** The run of the dead letter to send again. */
  runId: runIdText,
})

const redriveResult = z.strictObject({
  /** The new run of the message; a repeat returns the same one. */
  runId: runIdText,
  /** The run that was given up. */
  redrives: runIdText,
  status: z.enum(['started', 'in_flight', 'ok', 'error', 'aborted']),
})

/** Fragment of the methods `sessions.deadLetters` and `sessions.redrive`. */
export const deadLetterMethods = defineMethods({
  'sessions.deadLetters': { scope: 'operator.read', params: deadLettersParams, result: deadLettersResult },
  'sessions.redrive': { scope: 'operator.write', params: redriveParams, result: redriveResult },
})

/** Parameters of `sessions.deadLetters`. */
export type DeadLettersParams = z.infer<typeof deadLettersParams>
/** Result of `sessions.deadLetters`. */
export type DeadLettersResult = z.infer<typeof deadLettersResult>
/** Parameters of `sessions.redrive`. */
export type RedriveParams = z.infer<typeof redriveParams>
/** Result of `sessions.redrive`. */
export type RedriveResult = z.infer<typeof redriveResult>
