/** The events of every connection: the challenge before `connect`, the tick, and the end of the gateway. */
import * as z from 'zod'
import { connectChallenge } from '../connect.ts'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, timestamp } from '../primitives.ts'

export const tickPayload = z.strictObject({ ts: timestamp })

/** The gateway stops: what runs is waited for, nothing new is taken. */
export const shutdownPayload = z.strictObject({ reason: nonEmpty, restartExpectedMs: count.optional() })

/** `connect` is no method of it: it comes once, before all others. */
export const connectionMethods = defineMethods(
  {},
  {
    events: {
      'connect.challenge': { payload: connectChallenge },
      tick: { payload: tickPayload },
      shutdown: { payload: shutdownPayload },
    },
  },
)

export type TickPayload = z.infer<typeof tickPayload>
export type ShutdownPayload = z.infer<typeof shutdownPayload>
