/** The system services, bundled: each can be replaced; one that is left out is the machine's own. */
import { anObject, checkOptions } from '../base/options.ts'
import type { Clock, IdGenerator, Logger, Random } from '../ports/services.ts'
import { Telemetry } from '../telemetry/telemetry.ts'
import { ConsoleLogger } from './console-logger.ts'
import { guardedLogger } from './guarded-logger.ts'
import { RandomIds, systemRandom } from './random-ids.ts'
import { SystemClock } from './system-clock.ts'

/** Clock, logger, ids, randomness and telemetry of a tree of actors. */
export interface SystemServices {
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

/**
 * Returns all system services: the given ones, else the machine's own clock, console, ids and randomness. The logger never throws.
 *
 * @example
 * const counter = await new Counter().start(systemServices({ logger: silentLogger }))
 */
export function systemServices(given: Partial<SystemServices> = {}): SystemServices {
  checkOptions('SystemServices', given, { clock: anObject, logger: anObject, ids: anObject, random: anObject, telemetry: anObject })
  const logger = guardedLogger(given.logger ?? new ConsoleLogger())
  return {
    clock: given.clock ?? new SystemClock(),
    logger,
    ids: given.ids ?? new RandomIds(),
    random: given.random ?? systemRandom,
    telemetry: given.telemetry ?? new Telemetry(logger),
  }
}
