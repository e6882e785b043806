// The names of `@beamclaw/tools/browser`, one by one.
export type { WorkspaceCall } from '../files/files-options.ts'
export type { ResolvedAddress, Resolver } from '../web/resolver.ts'
export type { BrowserAction, BrowserInput } from './browser-input.ts'
export type { BrowsersOptions } from './browser-options.ts'
export { browserTool } from './browser-tool.ts'
export type { BrowserToolOptions } from './browser-tool-options.ts'
export { type BrowserProbe, Browsers } from './browsers.ts'
