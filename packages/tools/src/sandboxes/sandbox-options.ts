/** Options that the sandboxes of this host share. */
import type { Logger } from '@beamclaw/core'
import { anObject, duration, integer, type OptionRule, type OptionRules } from '@beamclaw/core/adapter'

/** Options of every sandbox whose processes run on this host. */
export interface HostSandboxOptions {
  /**
   * Directory for the output of detached commands, which only the owner may enter; created when it is missing. Without it a detached command is refused.
   * @default none
   */
  readonly stateDirectory?: string
  /** Largest output of one stream of a detached command that is kept; what comes after it is dropped. @default 10485760 */
  readonly detachedOutputBytes?: number
  /** Milliseconds after the exit of a command that output may still come from a child that could not be ended. @default 500 */
  readonly outputGraceMs?: number
  /** Is told of listeners that throw. @default silentLogger */
  readonly logger?: Logger
}

/** Defaults for `HostSandboxOptions`. */
export const hostSandboxDefaults = { detachedOutputBytes: 10 * 1024 * 1024, outputGraceMs: 500 } as const

/** The rule of an absolute path. */
export const anAbsolutePath: OptionRule = (value) =>
  typeof value === 'string' && /^\/[^\0]*$/.test(value) ? undefined : 'an absolute path, without NUL'

/** The rules of `HostSandboxOptions`. */
export const hostSandboxRules: OptionRules<HostSandboxOptions> = {
  stateDirectory: anAbsolutePath,
  detachedOutputBytes: integer(1),
  outputGraceMs: duration(0),
  logger: anObject,
}
