// The names of `@beamclaw/tools`, one by one.
export { BubblewrapSandbox, type BubblewrapSandboxOptions } from './sandboxes/bubblewrap-sandbox.ts'
export { LocalSandbox, type LocalSandboxOptions } from './sandboxes/local-sandbox.ts'
export type { HostSandboxOptions } from './sandboxes/sandbox-options.ts'
