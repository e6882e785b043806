/**
 * Deletes a session. The removal of its journal is one step and is the deletion itself: before it the session is complete, after it there is none.
 * Documents beside the journal are marked before and removed after, so that a new session after a crash does not inherit them.
 */
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
  { journal, settings, agent, running }: LoadedSession,
  token: FencingToken,
  { store, tenant, activity, overviews, events, listeners, services }: SessionDependencies,
): Promise<void> {
  // A snapshot may be in progress.
  await running?.catch(() => {})
  await journal.flush()
  await settings.markDeleting()
  // Derived from the journal: if the deletion fails later, the next run writes it again.
  await overviews.delete(key)
  await activity.forget(key)
  await store.deleteLog(journalKey(tenant, key), token)
  const event = { type: 'session-delete', sessionKey: key, runId: parseRunId(services.ids.next('delete')) } as const
  listeners.tell({ ...event, tenant, agentId: agent().id })
  for (const topic of [sessionTopic(tenant, key), committedTopic(tenant, key)]) publishEvent({ events, services }, topic, event)
}

/** Deletes the journal of a session that was never begun: its first message was refused, or a crash came before it was durable. Rejects as the store does. */
export async function deleteEmpty(key: SessionKey, token: FencingToken, { store, tenant, activity }: SessionDependencies): Promise<void> {
  await activity.forget(key)
  await store.deleteLog(journalKey(tenant, key), token)
}

/** Deletes the documents beside the journal of a deleted session. Rejects as the store does; may be repeated. */
export async function removeLeftovers(key: SessionKey, { store, tenant }: SessionDependencies): Promise<void> {
  await new SettingsDocument(store, tenant, key).delete()
}
