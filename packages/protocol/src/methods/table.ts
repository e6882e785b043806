/** Every method: the scope it needs, what it takes and what it answers. */
import type * as z from 'zod'
import type { OperatorScope } from '../scopes.ts'
import { agentFinal, agentParams, agentsListParams, agentsListResult, agentWaitParams, agentWaitResult } from './agent.ts'
import { chatAbortParams, chatAbortResult, chatHistoryParams, chatHistoryResult, chatSendParams, chatSendResult } from './chat.ts'
import { deadLettersParams, deadLettersResult, redriveParams, redriveResult } from './dead-letters.ts'
import {
  sessionMessagesSubscribeParams,
  sessionMessagesSubscribeResult,
  sessionsListParams,
  sessionsListResult,
  sessionsSubscribeParams,
  sessionsSubscribeResult,
} from './sessions.ts'
import { healthParams, healthResult, statusParams, statusResult } from './status.ts'

interface MethodShape {
  readonly scope: OperatorScope
  readonly params: z.ZodType
  readonly result: z.ZodType
}

/** `connect` is not among them: it comes once, before all others. */
export const methods = {
  health: { scope: 'operator.read', params: healthParams, result: healthResult },
  status: { scope: 'operator.read', params: statusParams, result: statusResult },
  'agents.list': { scope: 'operator.read', params: agentsListParams, result: agentsListResult },
  'sessions.list': { scope: 'operator.read', params: sessionsListParams, result: sessionsListResult },
  'sessions.subscribe': { scope: 'operator.read', params: sessionsSubscribeParams, result: sessionsSubscribeResult },
  'sessions.unsubscribe': { scope: 'operator.read', params: sessionsSubscribeParams, result: sessionsSubscribeResult },
  'sessions.messages.subscribe': {
    scope: 'operator.read',
    params: sessionMessagesSubscribeParams,
    result: sessionMessagesSubscribeResult,
  },
  'sessions.messages.unsubscribe': {
    scope: 'operator.read',
    params: sessionMessagesSubscribeParams,
    result: sessionMessagesSubscribeResult,
  },
  'sessions.deadLetters': { scope: 'operator.read', params: deadLettersParams, result: deadLettersResult },
  'sessions.redrive': { scope: 'operator.write', params: redriveParams, result: redriveResult },
  'chat.history': { scope: 'operator.read', params: chatHistoryParams, result: chatHistoryResult },
  'chat.send': { scope: 'operator.write', params: chatSendParams, result: chatSendResult },
  'chat.abort': { scope: 'operator.write', params: chatAbortParams, result: chatAbortResult },
  agent: { scope: 'operator.write', params: agentParams, result: agentFinal },
  'agent.wait': { scope: 'operator.write', params: agentWaitParams, result: agentWaitResult },
} as const satisfies Record<string, MethodShape>

export type MethodName = keyof typeof methods
export type MethodParams<M extends MethodName> = z.infer<(typeof methods)[M]['params']>
export type MethodResult<M extends MethodName> = z.infer<(typeof methods)[M]['result']>
