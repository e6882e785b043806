/** The filter of `running.on`, and the error for an unknown event. */
import { hintOf, invalidOption } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { listenableTypes } from './session-event.ts'

/** Selects the sessions whose events `running.on` delivers. */
export interface ListenOptions {
  /** Id of the agent that answers. @default all */
  readonly agent?: string
  /** @default all */
  readonly tenant?: string
  /** `all`: the approval events of the other nodes of the cluster, too, as far as they arrive. Other types come from this node alone. @default 'own' */
  readonly nodes?: 'own' | 'all'
}

/** Returns the error for an unknown event name. */
export function unknownEvent(type: unknown): BeamClawError {
  if (typeof type !== 'string') return invalidOption('on', 'type', 'the name of an event', type)
  const shown = type.slice(0, 64)
  const problem = `on: there is no event "${shown}"; ${hintOf(shown, listenableTypes, 'events')}`
  return new BeamClawError('invalid-option', problem, { details: { owner: 'on', option: 'type', received: shown, known: listenableTypes } })
}
