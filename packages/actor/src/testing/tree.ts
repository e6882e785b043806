/** System services for tests of supervisors. */

import type { ActorEvent } from '../base/events.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import type { SystemServices } from '../defaults/services.ts'
import { systemServices } from '../defaults/services.ts'
import { ManualClock } from './manual-clock.ts'

/** Returns system services with a manual clock, and a list of every event. */
export function recordingServices(): { readonly services: SystemServices; readonly clock: ManualClock; readonly events: ActorEvent[] } {
  const clock = new ManualClock()
  const services = systemServices({ clock, logger: silentLogger, random: { next: () => 0.5 } })
  const events: ActorEvent[] = []
  for (const type of ['actor-start', 'actor-exit', 'actor-restart', 'restart-limit'] as const)
    services.telemetry.on(type, (event) => events.push(event))
  return { services, clock, events }
}
