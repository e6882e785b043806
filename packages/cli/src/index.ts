// Re-exports of the usual names; they are identical to those of their packages. The command line is `bin.ts`.

export {
  type AgentDefinition,
  type AgentOptions,
  agentTool,
  BeamClaw,
  BeamClawError,
  type BeamClawOptions,
  defineAgent,
  defineTool,
  handoff,
  MemoryStore,
  type Message,
  type Provider,
  type RunEvent,
  type RunningBeamClaw,
  type RunResult,
  type RunStream,
  readUiMessage,
  type SendOptions,
  type SessionHandle,
  type Store,
  sessionKeyOf,
  type Tool,
  type ToolContext,
  type ToolOptions,
  type UiMessage,
} from '@beamclaw/core'
export { Gateway, type GatewayAuth, type GatewayOptions } from '@beamclaw/gateway-ws'
export {
  AnthropicProvider,
  type AnthropicProviderOptions,
  DemoProvider,
  type DemoProviderOptions,
  OpenAiProvider,
  type OpenAiProviderOptions,
} from '@beamclaw/providers'
export { FsStore, type FsStoreOptions, type SyncMode } from '@beamclaw/store-fs'
