/** Decides when a supervisor restarts a child, and when it has reached its limit; used by both kinds of supervisor. The child owns the timer. */

import { BeamClawError } from '../base/errors.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { checkOptions, duration } from '../base/options.ts'
import type { SystemServices } from '../defaults/services.ts'
import { type RestartIntensity, RestartWindow } from './restart-intensity.ts'

/** Exponential backoff between restarts that follow each other closely: `minMs`, doubled for each further one, up to `maxMs`; half of it is jitter. */
export interface RestartBackoff {
  readonly minMs: number
  readonly maxMs: number
}

/** Returns the milliseconds before the last of `restarts` restarts within the window; `chance` is from 0 up to 1. The first has no delay. */
export function backoffMs(restarts: number, { minMs, maxMs }: RestartBackoff, chance: number): number {
  if (restarts <= 1) return 0
  const full = Math.min(maxMs, minMs * 2 ** (restarts - 2))
  return Math.round(full / 2 + (full / 2) * chance)
}

/** Throws `invalid-option` unless `backoff` is a `RestartBackoff` or undefined. */
export function checkBackoff(owner: string, backoff: RestartBackoff | undefined): void {
  if (backoff === undefined) return
  checkOptions<RestartBackoff>(`${owner}: option "backoff"`, backoff, { minMs: duration(1), maxMs: duration(backoff?.minMs ?? 1) }, [
    'minMs',
    'maxMs',
  ])
}

export class RestartSchedule {
  readonly #intensity: RestartIntensity
  readonly #backoff: RestartBackoff | undefined
  readonly #window: RestartWindow

  constructor(intensity: RestartIntensity, backoff: RestartBackoff | undefined) {
    this.#intensity = intensity
    this.#backoff = backoff
    this.#window = new RestartWindow(intensity)
  }

  /** Counts a restart. Returns the milliseconds to wait before it; reports when it exceeds the limit, and returns why the supervisor ends then. */
  next(services: SystemServices, supervisorId: string, childId: string, reason: ExitReason): number | ExitReason {
    if (this.#window.record(services.clock.monotonic())) {
      return this.#backoff === undefined ? 0 : backoffMs(this.#window.size, this.#backoff, services.random.next())
    }
    const { maxRestarts, withinMs } = this.#intensity
    services.logger.log('error', 'supervisor.restart-limit', { id: supervisorId, child: childId, maxRestarts, withinMs })
    services.telemetry.emit({ type: 'restart-limit', supervisorId, childId, maxRestarts, withinMs })
    const problem = `Child "${childId}" of supervisor "${supervisorId}" has to be restarted more than ${maxRestarts} times within ${withinMs} ms`
    const cause = reason.type === 'crashed' ? reason.cause : reason.type === 'shutdown' ? reason.detail : undefined
    const details = { supervisorId, childId, maxRestarts, withinMs }
    return { type: 'shutdown', detail: new BeamClawError('restart-limit', problem, { cause, details }) }
  }
}
