/** What a gateway takes while it is about to stop, or its node is drained or cut off. */
import type { RunningBeamClaw } from '@beamclaw/core'

/** What `/ready` says: work goes to a gateway that is `ready`. */
export type Readiness = 'ready' | 'starting' | 'draining' | 'isolated'

/**
 * Phases: `open → stopping`. Owns the decision what is taken now; the state of the node is that of its BeamClaw.
 *
 * - I1: while another node is up, a draining gateway takes everything: its calls are carried out there.
 * - I2: a drained node that does not stop takes connections, so that its operator can look at it.
 */
export class Admission {
  readonly #claw: RunningBeamClaw
  readonly #sharesPort: boolean
  #isStopping = false

  /** @param sharesPort true for a gateway that cannot turn connections away, because others listen on the same port. */
  constructor(claw: RunningBeamClaw, sharesPort = false) {
    this.#claw = claw
    this.#sharesPort = sharesPort
  }

  /** Called when the gateway begins to stop. */
  stop(): void {
    this.#isStopping = true
  }

  get readiness(): Readiness {
    const { phase } = this.#claw.cluster
    if (phase === 'isolated') return 'isolated'
    // What is drained serves its port through the others.
    const isServing = phase === 'running' || (phase === 'draining' && this.#sharesPort && this.#hasOthers)
    return isServing && !this.#isStopping ? 'ready' : 'draining'
  }

  get takesConnections(): boolean {
    return this.#claw.cluster.phase !== 'ended' && (!this.#isStopping || this.#hasOthers)
  }

  /** Why no new work is taken; undefined when it is. */
  get refusal(): 'draining' | 'isolated' | undefined {
    const { readiness } = this
    if (readiness === 'isolated') return readiness
    if (readiness === 'draining' && (this.#claw.cluster.phase === 'ended' || !this.#hasOthers)) return readiness
    return undefined
  }

  get #hasOthers(): boolean {
    return this.#claw.cluster.nodes.some(({ isSelf, state }) => !isSelf && state === 'up')
  }
}
