/** How many processes there may be. Pure. */
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey } from '../base/ids.ts'
import type { ProcessEntry } from './process-entry.ts'
import type { ProcessSettings } from './process-table-options.ts'

/** Throws `too-many-processes` where the session or the tenant has as many as it may. */
export function checkCaps(
  entries: readonly Pick<ProcessEntry, 'hasEnded' | 'sessionKey'>[],
  sessionKey: SessionKey,
  { maxPerSession, maxPerTenant }: ProcessSettings,
): void {
  const running = entries.filter((entry) => !entry.hasEnded)
  const ofSession = running.filter((entry) => entry.sessionKey === sessionKey).length
  const isOfSession = ofSession >= maxPerSession
  if (!isOfSession && running.length < maxPerTenant) return
  const [count, owner] = isOfSession ? [ofSession, 'This session'] : [running.length, 'This tenant']
  const advice = isOfSession ? 'Kill one, or wait until one has ended.' : 'Wait until one has ended, or raise maxPerTenant.'
  throw new BeamClawError('too-many-processes', `${owner} has ${count} processes, which is its limit. ${advice}`, {
    details: { count, maxPerSession, maxPerTenant, sessionKey },
  })
}
