// The names of `@beamclaw/tools`, one by one.

export type { ExecInput, ExecMode } from './exec/exec-input.ts'
export type { ExecSite, ExecToolOptions } from './exec/exec-options.ts'
export { execTool } from './exec/exec-tool.ts'
export { type ProcessInput, type ProcessToolOptions, processTool } from './exec/process-tool.ts'
