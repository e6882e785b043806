/** Which function does what a request names. */
import type { MethodName } from '@beamclaw/protocol'
import { agent, agentWait } from './agent.ts'
import type { Method } from './call.ts'
import { chatAbort, chatSend } from './chat.ts'
import { chatHistory } from './chat-history.ts'
import { sessionsDeadLetters, sessionsRedrive } from './dead-letters.ts'
import { sessionMessagesSubscribe, sessionMessagesUnsubscribe, sessionsList, sessionsSubscribe, sessionsUnsubscribe } from './sessions.ts'
import { agentsList, health, status } from './status.ts'

export const implementations: { readonly [M in MethodName]: Method<M> } = {
  health,
  status,
  'agents.list': agentsList,
  'sessions.list': sessionsList,
  'sessions.subscribe': sessionsSubscribe,
  'sessions.unsubscribe': sessionsUnsubscribe,
  'sessions.messages.subscribe': sessionMessagesSubscribe,
  'sessions.messages.unsubscribe': sessionMessagesUnsubscribe,
  'sessions.deadLetters': sessionsDeadLetters,
  'sessions.redrive': sessionsRedrive,
  'chat.history': chatHistory,
  'chat.send': chatSend,
  'chat.abort': chatAbort,
  agent,
  'agent.wait': agentWait,
}
