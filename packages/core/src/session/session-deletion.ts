/**
 * Deletes a session. The removal of its journal is one step and is the deletion itself: before it the session is complete, after it there is none.
 * Documents and attachments beside the journal are marked before and removed after, so that a new session after a crash does not inherit them. The session is
 * listed as busy until all of it is gone: a crash wakes it, and what is left of it, in the index too, is removed then.
 */

import { allSettled } from '../base/all-settled.ts'
import { BeamClawError } from '../base/errors.ts'
import { parseRunId, type SessionKey } from '../base/ids.ts'
import type { FencingToken } from '../ports/store.ts'
import type { LoadedSession } from './loaded-session.ts'
import { publishEvent } from './publish-event.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { committedTopic, journalKey, sessionTopic } from './session-names.ts'
import { SettingsDocument } from './session-settings.ts'

/** Resolves once the session is deleted, but not its leftovers (`removeLeftovers`). Rejects as the store does; then the journal decides whether it exists. */
export async function deleteSession(
  key: SessionKey,
  { journal, settings, attachments, agent, running }: LoadedSession,
  token: FencingToken,
  { store, tenant, activity, events, listeners, services }: SessionDependencies,
  isAlive: () => boolean,
): Promise<void> {
  // A snapshot may be in progress.
  await running?.catch(() => {})
  await journal.flush()
  // An attachment that is being written would be left over.
  await attachments.settled()
  await settings.markDeleting((await store.blobs.list(journalKey(tenant, key))).length > 0)
  await activity.begin(key)
  try {
    await store.deleteLog(journalKey(tenant, key), token)
  } catch (error) {
    // The work of a next incarnation is not that of this one to end.
    if (isAlive()) activity.end(key)
    throw error
  }
  const event = { type: 'session-delete', sessionKey: key, runId: parseRunId(services.ids.next('delete')) } as const
  listeners.tell({ ...event, tenant, agentId: agent().id })
  for (const topic of [sessionTopic(tenant, key), committedTopic(tenant, key)]) publishEvent({ events, services }, topic, event)
}

/** Deletes the journal of a session that was never begun: its first message was refused, or a crash came before it was durable. Rejects as the store does. */
export async function deleteEmpty(key: SessionKey, token: FencingToken, { store, tenant }: SessionDependencies): Promise<void> {
  await store.deleteLog(journalKey(tenant, key), token)
}

/**
 * Deletes what is left beside the journal of a deleted session: the entry of the index, attachments and documents. Rejects as the store does, and `actor-killed`
 * for a session that was killed meanwhile: the next incarnation removes what is left, and what is there afterwards is its own. May be repeated.
 */
export async function removeLeftovers(
  key: SessionKey,
  { store, tenant, activity, overviews, approvals }: SessionDependencies,
  isAlive: () => boolean,
): Promise<void> {
  const checkAlive = (): void => {
    if (!isAlive()) throw new BeamClawError('actor-killed', `Session "${key}" was killed while it was deleted`)
  }
  try {
    checkAlive()
    // An index that cannot be written holds up no bytes. The settings have the mark of the deletion, and go last.
    await allSettled([overviews.delete(key), store.blobs.deleteAll(journalKey(tenant, key))])
    checkAlive()
    await new SettingsDocument(store, tenant, key).delete()
    checkAlive()
  } catch (error) {
    // It stays listed until all of it is removed, by the session itself or by the next process, and a drain does not wait for it.
    if (isAlive()) activity.park(key)
    throw error
  }
  approvals.forgetSession(key)
  await activity.forget(key)
}
