export {
  type ConnectChallenge,
  type ConnectParams,
  clientIds,
  clientModes,
  connectChallenge,
  connectParams,
  type HelloOk,
  helloOk,
} from './connect.ts'
export { type ConnectRefusal, closeCodes, type ErrorCode, type ErrorShape, errorCodes, errorShape } from './errors.ts'
export {
  type AgentPayload,
  agentPayload,
  type ChatPayload,
  chatPayload,
  type EventName,
  eventScopes,
  type SessionsChangedPayload,
  type ShutdownPayload,
  sessionsChangedPayload,
  shutdownPayload,
  type TickPayload,
  tickPayload,
  type UsageShape,
} from './events.ts'
export {
  type EventFrame,
  eventFrame,
  type Frame,
  frame,
  type RequestFrame,
  type ResponseFrame,
  requestFrame,
  responseFrame,
} from './frames.ts'
export { type ChatMessage, type ChatMessagePart, chatMessage } from './messages.ts'
export type {
  AgentAccepted,
  AgentFinal,
  AgentParams,
  AgentsListParams,
  AgentsListResult,
  AgentWaitParams,
  AgentWaitResult,
} from './methods/agent.ts'
export { agentAccepted } from './methods/agent.ts'
export type {
  ChatAbortParams,
  ChatAbortResult,
  ChatAttachment,
  ChatHistoryDelta,
  ChatHistoryPage,
  ChatHistoryParams,
  ChatHistoryResult,
  ChatSendParams,
  ChatSendResult,
  OpenRunShape,
  UnansweredRun,
} from './methods/chat.ts'
export type { DeadLettersParams, DeadLettersResult, RedriveParams, RedriveResult } from './methods/dead-letters.ts'
export type {
  SessionMessagesSubscribeParams,
  SessionMessagesSubscribeResult,
  SessionRow,
  SessionsListParams,
  SessionsListResult,
  SessionsSubscribeParams,
  SessionsSubscribeResult,
} from './methods/sessions.ts'
export type { HealthParams, HealthResult, StatusParams, StatusResult } from './methods/status.ts'
export { type MethodName, type MethodParams, type MethodResult, methods } from './methods/table.ts'
export { hasScope, isOperatorScope, type OperatorScope, operatorScopes } from './scopes.ts'
export { minimumProbeVersion, protocolVersion } from './version.ts'
