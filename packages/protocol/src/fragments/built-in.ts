/** The methods and events of every gateway: its fragments together. */
import type * as z from 'zod'
import { agentMethods } from './agent.ts'
import { agentsMethods } from './agents.ts'
import { chatMethods } from './chat.ts'
import { connectionMethods } from './connection.ts'
import { deadLetterMethods } from './dead-letters.ts'
import { sessionsMethods } from './sessions.ts'
import { statusMethods } from './status.ts'

/** Every method but `connect`, which comes once, before all others. */
export const methods = {
  ...statusMethods.methods,
  ...agentsMethods.methods,
  ...sessionsMethods.methods,
  ...deadLetterMethods.methods,
  ...chatMethods.methods,
  ...agentMethods.methods,
}

/** Every event. */
export const events = {
  ...connectionMethods.events,
  ...chatMethods.events,
  ...agentMethods.events,
  ...sessionsMethods.events,
}

export type MethodName = keyof typeof methods
export type MethodParams<M extends MethodName> = z.infer<(typeof methods)[M]['params']>
export type MethodResult<M extends MethodName> = z.infer<(typeof methods)[M]['result']>
export type EventName = keyof typeof events
export type EventPayload<E extends EventName> = z.infer<(typeof events)[E]['payload']>
