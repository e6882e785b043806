/** What tests of supervisors need around them. */
import type { Ambient } from '../defaults/ambient.ts'
import { ambientWith } from '../defaults/ambient.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import type { BeamEvent } from '../events.ts'
import { ManualClock } from './manual-clock.ts'

/** An ambient with a manual clock that keeps every event. */
export function recordingAmbient(): { readonly ambient: Ambient; readonly clock: ManualClock; readonly events: BeamEvent[] } {
  const clock = new ManualClock()
  const ambient = ambientWith({ clock, logger: silentLogger, random: { next: () => 0.5 } })
  const events: BeamEvent[] = []
  for (const type of ['actor-start', 'actor-exit', 'actor-restart', 'restart-limit'] as const)
    ambient.telemetry.on(type, (event) => events.push(event))
  return { ambient, clock, events }
}
