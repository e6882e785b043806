/** Reports session keys with capitals: keys are lower-cased, so two ids that differ only in case would share one session. */
import type { Logger } from '@beamclaw/actor'
import type { SessionKey } from '../base/ids.ts'

/** Maximum number of keys that are reported: keys come from outside, so their number is unbounded. */
const reportedKeys = 100

export class FoldedKeys {
  readonly #logger: Logger
  readonly #reported = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Logs `session.key-folded` when the session part of `given` had capitals: once for each key, and for the first hundred keys. */
  look(given: string, parsed: SessionKey): void {
    if (given === parsed) return
    const sessionPart = given.indexOf(':', given.indexOf(':') + 1)
    if (given.slice(sessionPart) === parsed.slice(sessionPart)) return
    if (this.#reported.has(given) || this.#reported.size >= reportedKeys) return
    this.#reported.add(given)
    const advice = 'keys are not case-sensitive: make those of case-sensitive ids with sessionKeyOf(agentId, ...ids)'
    this.#logger.log('warn', 'session.key-folded', { session: parsed, given, advice })
  }
}
