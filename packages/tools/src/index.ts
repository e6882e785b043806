// The names of `@beamclaw/tools`, one by one.
export { type AutoSandboxOptions, autoSandbox } from './sandboxes/auto-sandbox.ts'
export { BubblewrapSandbox, type BubblewrapSandboxOptions } from './sandboxes/bubblewrap-sandbox.ts'
export { DenySandbox } from './sandboxes/deny-sandbox.ts'
export { DockerSandbox, type DockerSandboxOptions } from './sandboxes/docker-sandbox.ts'
export { LocalSandbox, type LocalSandboxOptions } from './sandboxes/local-sandbox.ts'
export type { HostSandboxOptions } from './sandboxes/sandbox-options.ts'
export { SshSandbox, type SshSandboxOptions } from './sandboxes/ssh-sandbox.ts'
