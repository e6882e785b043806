/** The words of `docker run` and `podman run`: a container without network, rights or anything of the host but the workspace. */
import type { CommandLimits, TerminalSize } from '@beamclaw/core'

/** Where the workspace is for the command. */
export const containerWorkspace = '/workspace'

/** What one container is made from. */
export interface ContainerProfile {
  readonly name: string
  readonly image: string
  /** `uid:gid` that the command runs as. */
  readonly user: string
  /** Real host path. */
  readonly workspace: string
  readonly cwd: string
  readonly network: boolean
  readonly limits: CommandLimits
  readonly temporaryBytes: number
  /** Names of variables; the values are in the environment of the client, so that they do not show in the list of processes. */
  readonly variables: readonly string[]
  readonly terminal?: TerminalSize | undefined
}

/** Limits of a container whose command has none. */
const containerDefaults = { processes: 128, memoryBytes: 512 * 1024 * 1024 } as const

/** The label that every container carries, for `docker ps --filter label=…`. */
const containerLabel = 'beamclaw.command'

/** Returns the words from `run` up to the command. */
export function containerWords(profile: ContainerProfile): readonly string[] {
  const { name, image, user, workspace, cwd, network, limits, temporaryBytes, variables, terminal } = profile
  const { processes, memoryBytes } = { ...containerDefaults, ...limits }
  return [
    ...['run', '--rm', '--interactive', '--init', '--pull', 'never', '--name', name, '--label', `${containerLabel}=${name}`],
    ...(terminal === undefined ? [] : ['--tty']),
    ...['--network', network ? 'bridge' : 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--pids-limit', String(processes), '--memory', String(memoryBytes), '--memory-swap', String(memoryBytes), '--cpus', '1'],
    ...ulimitWords(limits),
    ...['--user', user, '--tmpfs', `/tmp:rw,nosuid,nodev,size=${temporaryBytes}`],
    ...['--mount', mountWord(workspace), '--workdir', cwd],
    ...variables.flatMap((variable) => ['--env', variable]),
    ...['--entrypoint', '', '--', image],
  ]
}

function ulimitWords({ cpuSeconds, fileBytes, openFiles }: CommandLimits = {}): readonly string[] {
  return [
    ...(cpuSeconds === undefined ? [] : ['--ulimit', `cpu=${cpuSeconds}:${cpuSeconds + 1}`]),
    ...(fileBytes === undefined ? [] : ['--ulimit', `fsize=${fileBytes}`]),
    ...(openFiles === undefined ? [] : ['--ulimit', `nofile=${openFiles}`]),
  ]
}

/** A mount is a list of values with commas; a value with one, or with a quote, is quoted as in CSV. */
function mountWord(source: string): string {
  const field = `source=${source}`
  const quoted = /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
  return `type=bind,${quoted},target=${containerWorkspace}`
}
