/** Publishes the last durable record of a session again, for subscribers that may have missed it. */
import type { SessionKey } from '../base/ids.ts'
import { eventOf } from './journal/record-families.ts'
import type { LoadedSession } from './loaded-session.ts'
import { publishEvent } from './publish-event.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { committedTopic, sessionTopic } from './session-names.ts'

/**
 * A write that failed may be durable all the same, and so is one whose session was killed before it heard of that: neither was published. A subscriber that sees a number above the one it waits for reads the journal; one
 * that has the record already ignores it. Never rejects.
 */
export async function publishLastRecord(
  key: SessionKey,
  { log, state: { seq } }: Pick<LoadedSession, 'log' | 'state'>,
  dependencies: Pick<SessionDependencies, 'tenant' | 'events' | 'services'>,
): Promise<void> {
  if (seq === 0) return
  try {
    const last = (await log.read(seq)).records.find((record) => record.seq === seq)
    // A snapshot has replaced it, and a reader is told that it is gone.
    if (last === undefined) return
    const { tenant } = dependencies
    for (const topic of [sessionTopic(tenant, key), committedTopic(tenant, key)]) publishEvent(dependencies, topic, eventOf(last, key))
  } catch {
    // The next record shows what is missing.
  }
}
