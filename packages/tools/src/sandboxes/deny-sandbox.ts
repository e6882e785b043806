/** The sandbox that runs nothing. */
import type { CommandRequest, PreparedCommand, Sandbox, SandboxProbe, SandboxProcess } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { text } from '@beamclaw/core/adapter'
import { sandboxUnavailable } from './command-error.ts'

/**
 * Refuses every command with `sandbox-unavailable` and the reason: the place of a sandbox where there is none, so that nothing runs by mistake.
 *
 * @example
 * const sandbox = new DenySandbox('Commands are switched off on this node.')
 */
export class DenySandbox implements Sandbox {
  readonly id = 'deny'
  readonly #reason: string

  /** @param reason a sentence that says why, and what to do */
  constructor(reason = 'No command may run here. Configure a sandbox.') {
    const problem = text(1_000)(reason)
    if (problem !== undefined) throw new BeamClawError('invalid-option', `DenySandbox: the reason must be ${problem}`)
    this.#reason = reason
  }

  async probe(): Promise<SandboxProbe> {
    return { isAvailable: false, reason: this.#reason, enforces: [] }
  }

  async prepare(_request: CommandRequest): Promise<PreparedCommand> {
    throw sandboxUnavailable(this.id, this.#reason)
  }

  async spawn(): Promise<SandboxProcess> {
    throw sandboxUnavailable(this.id, this.#reason)
  }
}
