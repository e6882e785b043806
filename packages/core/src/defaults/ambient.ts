/** What surrounds a program, bundled: every part can be replaced, and a part that is left out is the machine's own. */
import { anObject, checkOptions } from '../options.ts'
import type { Clock, IdGenerator, Logger, Random } from '../ports/ambient.ts'
import { Telemetry } from '../telemetry/telemetry.ts'
import { ConsoleLogger } from './console-logger.ts'
import { guardedLogger } from './guarded-logger.ts'
import { RandomIds, systemRandom } from './random-ids.ts'
import { SystemClock } from './system-clock.ts'

export interface Ambient {
  /** @default new SystemClock() */
  readonly clock: Clock
  /** @default new ConsoleLogger('warn') */
  readonly logger: Logger
  /** @default new RandomIds() */
  readonly ids: IdGenerator
  /** @default Math.random */
  readonly random: Random
  /** Receives every start, exit and restart. @default new Telemetry(logger) */
  readonly telemetry: Telemetry
}

/** Completes a partial ambient with the machine's own clock, console, ids and randomness. Its logger never throws. */
export function ambientWith(given: Partial<Ambient> = {}): Ambient {
  checkOptions('Ambient', given, { clock: anObject, logger: anObject, ids: anObject, random: anObject, telemetry: anObject })
  const logger = guardedLogger(given.logger ?? new ConsoleLogger())
  return {
    clock: given.clock ?? new SystemClock(),
    logger,
    ids: given.ids ?? new RandomIds(),
    random: given.random ?? systemRandom,
    telemetry: given.telemetry ?? new Telemetry(logger),
  }
}
