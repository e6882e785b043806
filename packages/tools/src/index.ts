// The names of `@beamclaw/tools`, one by one.
export type { ExecInput, ExecMode } from './exec/exec-input.ts'
export type { ExecSite, ExecToolOptions } from './exec/exec-options.ts'
export { execTool } from './exec/exec-tool.ts'
export { type ProcessInput, type ProcessToolOptions, processTool } from './exec/process-tool.ts'
export { BubblewrapSandbox, type BubblewrapSandboxOptions } from './sandboxes/bubblewrap-sandbox.ts'
export { LocalSandbox, type LocalSandboxOptions } from './sandboxes/local-sandbox.ts'
export type { HostSandboxOptions } from './sandboxes/sandbox-options.ts'
