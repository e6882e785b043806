/** The methods and events of every gateway: its fragments, merged. */
import type * as z from 'zod'
import { agentMethods } from './agent.ts'
import { agentsMethods } from './agents.ts'
import { approvalMethods } from './approvals.ts'
import { chatMethods } from './chat.ts'
import { clusterMethods } from './cluster.ts'
import { connectionMethods } from './connection.ts'
import { deadLetterMethods } from './dead-letters.ts'
import { sessionsMethods } from './sessions.ts'
import { statusMethods } from './status.ts'

/** Every method by name, except `connect`, which is the first request of a connection. */
export const methods = {
  ...statusMethods.methods,
  ...clusterMethods.methods,
  ...agentsMethods.methods,
  ...sessionsMethods.methods,
  ...deadLetterMethods.methods,
  ...chatMethods.methods,
  ...agentMethods.methods,
  ...approvalMethods.methods,
}

/** Every event by name. */
export const events = {
  ...connectionMethods.events,
  ...chatMethods.events,
  ...agentMethods.events,
  ...sessionsMethods.events,
  ...approvalMethods.events,
}

/** The name of a method of every gateway. */
export type MethodName = keyof typeof methods
/** The parameters of a method of every gateway. */
export type MethodParams<M extends MethodName> = z.infer<(typeof methods)[M]['params']>
/** The result of a method of every gateway. */
export type MethodResult<M extends MethodName> = z.infer<(typeof methods)[M]['result']>
/** The name of an event of every gateway. */
export type EventName = keyof typeof events
/** The payload of an event of every gateway. */
export type EventPayload<E extends EventName> = z.infer<(typeof events)[E]['payload']>
