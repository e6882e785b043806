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
export {
  type AcceptedOf,
  defineMethods,
  type EventDefinition,
  type EventDefinitions,
  type EventNameOf,
  type FragmentAdditions,
  type MethodDefinition,
  type MethodDefinitions,
  type MethodFragment,
  type MethodNameOf,
  type ParamsOf,
  type PayloadOf,
  type ResultOf,
} from './define-methods.ts'
export {
  type ConnectRefusal,
  closeCodes,
  type ErrorShape,
  errorShape,
  type WireErrorCode,
  wireErrorCodes,
} from './errors.ts'
export {
  type AgentAccepted,
  type AgentFinal,
  type AgentParams,
  type AgentPayload,
  type AgentWaitParams,
  type AgentWaitResult,
  agentAccepted,
  agentMethods,
  agentPayload,
} from './fragments/agent.ts'
export { type AgentsListParams, type AgentsListResult, agentsMethods } from './fragments/agents.ts'
export {
  approvalMethods,
  type GrantShape,
  type PendingApproval,
  pendingApproval,
  type ResolvedApproval,
  resolvedApproval,
} from './fragments/approvals.ts'
export {
  type EventName,
  type EventPayload,
  events,
  type MethodName,
  type MethodParams,
  type MethodResult,
  methods,
} from './fragments/built-in.ts'
export {
  type ChatAbortParams,
  type ChatAbortResult,
  type ChatAttachment,
  type ChatHistoryDelta,
  type ChatHistoryPage,
  type ChatHistoryParams,
  type ChatHistoryResult,
  type ChatPayload,
  type ChatSendParams,
  type ChatSendResult,
  chatMethods,
  chatPayload,
  type OpenRunShape,
  type UnansweredRun,
} from './fragments/chat.ts'
export { clusterMethods, type NodeRow, type TreeRow } from './fragments/cluster.ts'
export { connectionMethods, type ShutdownPayload, shutdownPayload, type TickPayload, tickPayload } from './fragments/connection.ts'
export {
  type DeadLettersParams,
  type DeadLettersResult,
  deadLetterMethods,
  type RedriveParams,
  type RedriveResult,
} from './fragments/dead-letters.ts'
export { type ProcessRow, processMethods } from './fragments/processes.ts'
export {
  type SessionMessagesSubscribeParams,
  type SessionMessagesSubscribeResult,
  type SessionRow,
  type SessionsChangedPayload,
  type SessionsListParams,
  type SessionsListResult,
  type SessionsSubscribeParams,
  type SessionsSubscribeResult,
  sessionsChangedPayload,
  sessionsMethods,
} from './fragments/sessions.ts'
export { type HealthParams, type HealthResult, type StatusParams, type StatusResult, statusMethods } from './fragments/status.ts'
export { type SubAgentRow, subAgentMethods } from './fragments/sub-agents.ts'
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
export {
  hasScope,
  heldScopes,
  isOperatorScope,
  type OperatorScope,
  operatorScopes,
  type ScopeDefinition,
  type ScopeTable,
} from './scopes.ts'
export type { UsageShape } from './usage.ts'
export { minimumProbeVersion, protocolVersion } from './version.ts'
