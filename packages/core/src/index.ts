export { BeamClawError, ChildStartError, type ErrorCode, type ErrorDetails, MailboxFullError } from './errors.ts'
export {
  type AgentId,
  defaultTenant,
  type NodeId,
  parseAgentId,
  parseNodeId,
  parseRunId,
  parseSessionKey,
  parseTenantId,
  type RunId,
  type SessionKey,
  type SessionKeyParts,
  sessionKey,
  sessionKeyParts,
  type TenantId,
} from './ids.ts'
export {
  type AssistantMessage,
  addUsage,
  type ImagePart,
  type JsonObject,
  type JsonValue,
  type Message,
  noUsage,
  type TextPart,
  type ThinkingPart,
  type ToolCall,
  type ToolMessage,
  type ToolResult,
  textOf,
  type Usage,
  type UserMessage,
} from './messages.ts'
export type { Clock, IdGenerator, Logger, LogLevel, Random, TimerHandle } from './ports/ambient.ts'
export type { Cluster, Lease } from './ports/cluster.ts'
export type { EventBus, SubscribeOptions, Subscription, Topic } from './ports/event-bus.ts'
export type {
  FinishReason,
  ModelInfo,
  Provider,
  ProviderPart,
  ProviderRequest,
  ThinkingLevel,
  ToolDeclaration,
} from './ports/provider.ts'
export type {
  FencingToken,
  ListOptions,
  Log,
  LogContent,
  LogRecord,
  LogSnapshot,
  PutOptions,
  Store,
  StoreKey,
  Versioned,
} from './ports/store.ts'
