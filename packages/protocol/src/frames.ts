/** The three kinds of frame: one JSON object in one WebSocket message. */
import * as z from 'zod'
import { errorShape } from './errors.ts'
import { count, nonEmpty } from './primitives.ts'

/** Asks for something; `id` comes back with the answer. */
export const requestFrame = z.strictObject({
  type: z.literal('req'),
  id: nonEmpty,
  method: nonEmpty,
  params: z.unknown().optional(),
  traceparent: z.string().max(128).optional(),
  expectedProfileId: z.string().optional(),
})

/** Answers a request. Answers may come out of order, and `agent` answers twice. */
export const responseFrame = z.strictObject({
  type: z.literal('res'),
  id: nonEmpty,
  ok: z.boolean(),
  payload: z.unknown().optional(),
  error: errorShape.optional(),
})

/** Tells of something. `seq` counts the events of one connection, without gaps, from 1. */
export const eventFrame = z.strictObject({
  type: z.literal('event'),
  event: nonEmpty,
  payload: z.unknown().optional(),
  seq: count.optional(),
  stateVersion: z.strictObject({ presence: count, health: count }).optional(),
})

export const frame = z.discriminatedUnion('type', [requestFrame, responseFrame, eventFrame])

export type RequestFrame = z.infer<typeof requestFrame>
export type ResponseFrame = z.infer<typeof responseFrame>
export type EventFrame = z.infer<typeof eventFrame>
export type Frame = z.infer<typeof frame>
