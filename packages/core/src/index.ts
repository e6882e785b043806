// Whole, so that packages can add to the interface in it.

export { Actor, type Answer } from './actor/actor.ts'
export type { ActorInspection, ActorState } from './actor/actor-hooks.ts'
export { type ActorOptions, actorDefaults, type StartOptions, type StopOptions } from './actor/actor-options.ts'
export { type ActorContext, type ActorRef, type CallOptions, type CastOptions, callDefaults, type Lane } from './actor/actor-ref.ts'
export { ExitNotice, type ExitReason } from './actor/exit-reason.ts'
export { IGNORE } from './actor/inside.ts'
export { refuse } from './actor/refusal.ts'
export { type AgentDefinition, type AgentOptions, agentDefaults, defineAgent } from './agent/agent.ts'
export { type AskRequest, BeamClaw, type BeamClawOptions, type RunningBeamClaw } from './beamclaw.ts'
export { type Ambient, ambientWith } from './defaults/ambient.ts'
export { ConsoleLogger, silentLogger } from './defaults/console-logger.ts'
export { LocalEventBus, subscribeDefaults } from './defaults/local-event-bus.ts'
export { MemoryStore } from './defaults/memory-store.ts'
export { SoloCluster } from './defaults/solo-cluster.ts'
export { SystemClock } from './defaults/system-clock.ts'
export type { ErrorCode, ErrorKind, ErrorTraits } from './error-codes.ts'
export { BeamClawError, ChildStartError, defineErrors, type ErrorDetails, MailboxFullError } from './errors.ts'
export type { BeamEvent, RunEvent } from './events.ts'
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
  LogPlace,
  LogRecord,
  LogSnapshot,
  PutOptions,
  Store,
  StoreKey,
  Versioned,
} from './ports/store.ts'
export { Registry, type RegistryEntry, type RegistryOptions } from './registry/registry.ts'
export type { WhenBusy } from './session/journal.ts'
export type { DeadLetter } from './session/known-run.ts'
export type { RunResult, RunStream } from './session/run-stream.ts'
export type { AbortReceipt, HistoryEntry, OpenRun, SendReceipt, SessionHistory, SessionInspection } from './session/session-answers.ts'
export type { SendOptions, SessionHandle } from './session/session-handle.ts'
export type { ListSessionsOptions, SessionSummary } from './session/session-list.ts'
export type { SessionChanges, SessionMetadata } from './session/session-metadata.ts'
export type { SessionSettings } from './session/session-world.ts'
export { type ChildSpec, type ChildType, childDefaults, type Shutdown } from './supervisor/child-spec.ts'
export {
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  dynamicSupervisorDefaults,
} from './supervisor/dynamic-supervisor.ts'
export type { RestartType } from './supervisor/restart-policy.ts'
export type { RestartBackoff } from './supervisor/restart-schedule.ts'
export { Supervisor } from './supervisor/supervisor.ts'
export { type Strategy, type SupervisorOptions, supervisorDefaults } from './supervisor/supervisor-options.ts'
export type { TaskContext, TaskOptions, TaskWork } from './supervisor/task.ts'
export type { TaskStreamOptions } from './supervisor/task-stream.ts'
export { TaskSupervisor, type TaskSupervisorOptions } from './supervisor/task-supervisor.ts'
export type { ChildCounts, ChildInfo, TreeNode } from './supervisor/tree-node.ts'
export { Telemetry } from './telemetry/telemetry.ts'
export type { StandardSchema } from './tool/standard-schema.ts'
export { defineTool, type Tool, type ToolContext, type ToolOptions, type ToolOutput } from './tool/tool.ts'
