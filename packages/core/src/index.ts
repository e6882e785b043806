// The names of `@beamclaw/core`, one by one: first those of actors, which `@beamclaw/actor` has alone.

export {
  Actor,
  type ActorContext,
  type ActorEvent,
  type ActorInspection,
  type ActorOptions,
  type ActorRef,
  type ActorState,
  actorDefaults,
  type CallOptions,
  type CastOptions,
  type ChildCounts,
  type ChildInfo,
  type ChildSpec,
  type ChildType,
  type Clock,
  ConsoleLogger,
  callDefaults,
  childDefaults,
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  dynamicSupervisorDefaults,
  type EventBus,
  type EventIterator,
  ExitNotice,
  type ExitReason,
  type HandlerResult,
  type IdGenerator,
  IGNORE,
  LocalEventBus,
  type Logger,
  type LogLevel,
  type MailboxLane,
  type Random,
  Registry,
  type RegistryEntry,
  type RegistryOptions,
  ResourceActor,
  type ResourceOptions,
  type RestartBackoff,
  type RestartStrategy,
  type RestartType,
  refuse,
  type ShutdownPolicy,
  type StartOptions,
  type StopOptions,
  type SubscribeOptions,
  type Subscription,
  Supervisor,
  type SupervisorOptions,
  SystemClock,
  type SystemServices,
  silentLogger,
  subscribeDefaults,
  supervisorDefaults,
  systemServices,
  type TaskContext,
  type TaskOptions,
  type TaskStreamOptions,
  TaskSupervisor,
  type TaskSupervisorOptions,
  type TaskWork,
  Telemetry,
  type TimerHandle,
  type Topic,
  type TreeNode,
} from '@beamclaw/actor'
export {
  type AgentDefinition,
  type AgentOptions,
  agentDefaults,
  defineAgent,
  type SystemContext,
  type SystemPrompt,
} from './agent/agent.ts'
export type { AgentHooks, HookRun } from './agent/hooks.ts'
export type { RetentionOptions } from './agent/retention.ts'
export type {
  ApprovalGate,
  ApprovalReceipt,
  ApproveOptions,
  DenyOptions,
  GrantOptions,
  ListApprovalsOptions,
} from './approval/approval-gate.ts'
export type { AskedCall, AskModeRule } from './approval/ask-mode.ts'
export type {
  ApprovalAnswer,
  ApprovalDecision,
  ApprovalQuestion,
  ApprovalRequest,
  ApprovalScope,
  Grant,
  Permit,
} from './base/approval.ts'
export type { ErrorCode, ErrorKind, ErrorTraits } from './base/error-codes.ts'
export { BeamClawError, type BeamClawErrorOptions, ChildStartError, defineErrors, MailboxFullError } from './base/errors.ts'
export type { RunEvent } from './base/events.ts'
export { httpStatusOf } from './base/http-status.ts'
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
} from './base/ids.ts'
export {
  type AnswerPart,
  type AssistantMessage,
  addUsage,
  type ContentPart,
  type CustomPart,
  type FilePart,
  type FinishReason,
  type ImagePart,
  type JsonObject,
  type JsonValue,
  type Message,
  type ModelUsage,
  type ProviderMetadata,
  type TextPart,
  type ThinkingPart,
  type ToolCall,
  type ToolMessage,
  type ToolResult,
  textOf,
  type Usage,
  type UserMessage,
  zeroUsage,
} from './base/messages.ts'
export type { RunFailure } from './base/run-failure.ts'
export { sessionKeyOf, sessionKeyPartsOf } from './base/session-key-parts.ts'
export { BeamClaw } from './beamclaw.ts'
export type { BeamClawOptions } from './beamclaw-options.ts'
export type { ClusterSettings, SettingsStatus, SettingsVersion } from './cluster/cluster-settings.ts'
export type { GroupHandler } from './cluster/group-target.ts'
export type { Presence, PresenceChange, PresenceEntry } from './cluster/presence.ts'
export type { GroupCallOptions, GroupMember, ProcessGroups } from './cluster/process-groups.ts'
export { MemoryStore } from './defaults/memory-store.ts'
export { SoloCluster } from './defaults/solo-cluster.ts'
export type { MakeBeamClaw } from './embed/embedded-instance.ts'
export { type LazyBeamClaw, lazyBeamClaw } from './embed/lazy-beamclaw.ts'
export type { Part, PartHost, PartNodes, PartSpec } from './part/part.ts'
export type { BlobId, BlobInfo, BlobStore, StoredBlob } from './ports/blob-store.ts'
export type {
  Cluster,
  ClusterHost,
  Lease,
  Location,
  Member,
  MemberChange,
  MemberState,
  NodeRef,
  RequestOptions,
  VersionRange,
} from './ports/cluster.ts'
export type {
  EmbedAnswer,
  EmbedRequest,
  ModelInfo,
  ModelPrice,
  ModelThinking,
  Provider,
  ProviderPart,
  ProviderRequest,
  ProviderWarning,
  ThinkingLevel,
  ToolChoice,
  ToolDeclaration,
} from './ports/provider.ts'
export type {
  CommandExit,
  CommandFile,
  CommandLimits,
  CommandListener,
  CommandRequest,
  CommandSignal,
  PreparedCommand,
  Sandbox,
  SandboxProbe,
  SandboxProcess,
  SpawnOptions,
  TerminalSize,
} from './ports/sandbox.ts'
export type {
  SessionIndex,
  SessionIndexEntry,
  SessionIndexQuery,
  SessionIndexSort,
  SessionIndexStatus,
} from './ports/session-index.ts'
export type {
  AppendLog,
  EntryLocation,
  FencingToken,
  ListOptions,
  LogContents,
  LogEntry,
  LogPage,
  LogSnapshot,
  PutOptions,
  ReadLogOptions,
  SnapshotOptions,
  Store,
  Versioned,
} from './ports/store.ts'
export type { StoreKey } from './ports/store-key.ts'
export { ProcessTable } from './process/process-table.ts'
export type { ProcessTableOptions } from './process/process-table-options.ts'
export type {
  BackgroundProcess,
  PollProcessOptions,
  ProcessFilter,
  ProcessList,
  ProcessOwner,
  ProcessStatus,
  ReadProcessOptions,
  StartProcessOptions,
} from './process/process-types.ts'
export type { ProcessOutput } from './process/read-output.ts'
export type { DrainOptions, RunningBeamClaw } from './running-beamclaw.ts'
export type { ExtensionEntry, RecordExtension } from './session/journal/record-extension.ts'
export type { QueueMode, RunSettings } from './session/journal/records.ts'
export type { ListenOptions } from './session/listen-options.ts'
export type { CompletionRequest, GeneratedAnswer, GenerateRequest } from './session/run/generate.ts'
export type { DeepPartial } from './session/run/partial-output.ts'
export type { RunResult } from './session/run/run-result.ts'
export type { RunStep, RunToolCall } from './session/run/run-steps.ts'
export type { RunStream } from './session/run/run-stream.ts'
export type { EmbedTextsRequest } from './session/run/side-calls.ts'
export type { SendOptions } from './session/send-options.ts'
export type { SessionDefaults } from './session/session-dependencies.ts'
export type { EventOrigin, SessionEvent } from './session/session-event.ts'
export type { SessionHandle } from './session/session-handle.ts'
export type { FollowOptions, ForkOptions, HistoryOptions } from './session/session-handle-options.ts'
export type { ListSessionsOptions, SessionSummary } from './session/session-list.ts'
export type { SessionRecords } from './session/session-records.ts'
export type { AbortReceipt, ActiveRun, HistoryEntry, SendReceipt, SessionHistory, SessionInspection } from './session/session-replies.ts'
export type { SessionSettings, SessionSettingsPatch } from './session/session-settings.ts'
export type { SessionExport, SessionImport } from './session/session-transfer.ts'
export type { DeadLetter } from './session/state/known-run.ts'
export type { ErrorText, RunFailureText } from './session/streams/public-error-text.ts'
export { type PostedUiMessage, readUiMessage } from './session/streams/read-ui-message.ts'
export type { NodeResponse, RunResponseOptions } from './session/streams/run-response.ts'
export {
  toUiMessages,
  type UiAttachment,
  type UiMessage,
  type UiMessagePart,
  type UiMessagesOptions,
} from './session/streams/ui-messages.ts'
export type { ManageInput } from './sub-agents/manage-tool.ts'
export type { SpawnInput } from './sub-agents/spawn-tool.ts'
export type { SubAgentsOptions } from './sub-agents/sub-agent-options.ts'
export type { SpawnRequest, SubAgent, SubAgentCleanup, SubAgentFilter, SubAgentList, SubAgentStatus } from './sub-agents/sub-agent-types.ts'
export { SubAgents } from './sub-agents/sub-agents.ts'
export type { ClusterView, DrainNodeOptions, NodeActivity, NodeOfView, NodeStatus, NodeTree, TreesOptions } from './tenant/cluster-view.ts'
export type { TenantSessions } from './tenant/tenant-sessions.ts'
export type { TreeOutline } from './tenant/tree-outline.ts'
export { type AgentToolOptions, agentTool, type HandoffOptions, handoff } from './tool/agent-tool.ts'
export type { StandardSchema } from './tool/standard-schema.ts'
export {
  defineTool,
  type Reconciled,
  type Tool,
  type ToolContext,
  type ToolIntentOf,
  type ToolOptions,
  type ToolOutput,
} from './tool/tool.ts'
export type { AskMode, PlanContext, ToolPlan, ToolQuestion } from './tool/tool-plan.ts'
export { type ToolReply, type ToolReplyOptions, toolResult } from './tool/tool-reply.ts'
export type { ToolRun, ToolSendOptions, ToolSession } from './tool/tool-session.ts'
