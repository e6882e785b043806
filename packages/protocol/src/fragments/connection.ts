/** The events of every connection: the challenge before `connect`, the tick, and the shutdown of the gateway. */
import * as z from 'zod'
import { connectChallenge } from '../connect.ts'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, timestamp } from '../primitives.ts'

/** Payload of `tick`, which the gateway sends at regular intervals: its wall time. */
export const tickPayload = z.strictObject({ ts: timestamp })

/** Payload of `shutdown`: the gateway waits for the runs under way and accepts no new work. */
export const shutdownPayload = z.strictObject({ reason: nonEmpty, restartExpectedMs: count.optional() })

/** The fragment of these events. `connect` is not a method of it: it is the first request of a connection. */
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

/** Payload of the event `tick`. */
export type TickPayload = z.infer<typeof tickPayload>
/** Payload of the event `shutdown`. */
export type ShutdownPayload = z.infer<typeof shutdownPayload>
