/** A probe that is made once, and again after a failure. */
import type { SandboxProbe } from '@beamclaw/core'

/** Keeps a good answer, and makes calls at the same time share one look. */
export class ProbeOnce {
  readonly #look: () => Promise<SandboxProbe>
  #answer: Promise<SandboxProbe> | undefined

  constructor(look: () => Promise<SandboxProbe>) {
    this.#look = look
  }

  look(): Promise<SandboxProbe> {
    this.#answer ??= this.#lookAnew()
    return this.#answer
  }

  async #lookAnew(): Promise<SandboxProbe> {
    let probe: SandboxProbe
    try {
      probe = await this.#look()
    } catch (error) {
      probe = { isAvailable: false, reason: `The look at it failed: ${String(error)}`, enforces: [] }
    }
    if (!probe.isAvailable) this.#answer = undefined
    return probe
  }
}
