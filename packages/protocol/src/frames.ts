/** The three kinds of frame: one JSON object in one WebSocket message. */
import * as z from 'zod'
import { errorShape } from './errors.ts'
import { count, nonEmpty } from './primitives.ts'

/** A request; its `id` comes back in the response. */
export const requestFrame = z.strictObject({
  type: z.literal('req'),
  id: nonEmpty,
  method: nonEmpty,
  params: z.unknown().optional(),
  traceparent: z.string().max(128).optional(),
  expectedProfileId: z.string().optional(),
})

/** A response. Responses may come out of order; `agent` has two. */
export const responseFrame = z.strictObject({
  type: z.literal('res'),
  id: nonEmpty,
  ok: z.boolean(),
  payload: z.unknown().optional(),
  error: errorShape.optional(),
})

/** An event. `seq` numbers the events of one connection from 1 without gaps. */
export const eventFrame = z.strictObject({
  type: z.literal('event'),
  event: nonEmpty,
  payload: z.unknown().optional(),
  seq: count.optional(),
  stateVersion: z.strictObject({ presence: count, health: count }).optional(),
})

/** Any frame: a request, a response or an event, told apart by `type`. */
export const frame = z.discriminatedUnion('type', [requestFrame, responseFrame, eventFrame])

/** A request frame. */
export type RequestFrame = z.infer<typeof requestFrame>
/** A response frame. */
export type ResponseFrame = z.infer<typeof responseFrame>
/** An event frame. */
export type EventFrame = z.infer<typeof eventFrame>
/** Any frame, told apart by `type`. */
export type Frame = z.infer<typeof frame>
