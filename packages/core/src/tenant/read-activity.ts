/** What another node says of itself, checked: it may be of another version, or forged. Pure. */
import { definedOnly } from '@beamclaw/actor/internal'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { isCount, isObject } from '../cluster/event-messages.ts'
import type { NodePhase } from '../session/node-phase.ts'
import type { NodeActivity } from './cluster-view.ts'

const phases: ReadonlySet<unknown> = new Set<NodePhase>(['running', 'draining', 'isolated', 'ended'])

const counts = ['activeRuns', 'waitingMessages', 'orphanedSessions'] as const

/** Returns the activity that a node has sent, without what this version does not know; undefined for anything else. */
export function readActivity(value: JsonValue): NodeActivity | undefined {
  if (!isObject(value) || !phases.has(value.phase) || !isCount(value.sessions, 0) || !isCount(value.busySessions, 0)) return undefined
  const { phase, sessions, busySessions, settings, report } = value
  const told = Object.fromEntries(counts.flatMap((name) => (isCount(value[name], 0) ? [[name, value[name]]] : [])))
  return {
    phase: phase as NodePhase,
    sessions,
    busySessions,
    ...told,
    ...(isObject(settings) && isCount(settings.version, 0) ? { settings: settingsOf(settings, settings.version) } : {}),
    report: isObject(report) ? report : {},
  }
}

function settingsOf({ problem }: JsonObject, version: number): NonNullable<NodeActivity['settings']> {
  return { version, ...definedOnly({ problem: typeof problem === 'string' ? problem : undefined }) }
}
