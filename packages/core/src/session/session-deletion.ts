/**
 * Deletes a session. Its journal goes in one step, which is the deletion: before it the session is whole, after it there is none. What lies beside the
 * journal is marked before and removed after, so that a session that begins anew after a crash does not inherit it.
 */
import { parseRunId, type SessionKey } from '../base/ids.ts'
import type { FencingToken } from '../ports/store.ts'
import type { LoadedSession } from './loaded-session.ts'
import { publishEvent } from './publish-event.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { committedTopic, journalKey, sessionTopic } from './session-names.ts'
import { SettingsDocument } from './session-settings.ts'

/** Resolves once the session is gone, but for what `removeLeftovers` removes. Rejects as the store does; whether the session is there then, its journal says. */
export async function deleteSession(
  key: SessionKey,
  { journal, settings, agent, running }: LoadedSession,
  token: FencingToken,
  { store, tenant, activity, overviews, events, listeners, services }: SessionDependencies,
): Promise<void> {
  // A snapshot may be under way.
  await running?.catch(() => {})
  await journal.flush()
  await settings.markDeleting()
  // Derived from the journal: where the deletion comes no further, the next run writes it again.
  await overviews.delete(key)
  await activity.forget(key)
  await store.deleteLog(journalKey(tenant, key), token)
  const event = { type: 'session-delete', sessionKey: key, runId: parseRunId(services.ids.next('delete')) } as const
  listeners.tell({ ...event, tenant, agentId: agent().id })
  for (const topic of [sessionTopic(tenant, key), committedTopic(tenant, key)]) publishEvent({ events, services }, topic, event)
}

/** Deletes the journal of a session that was never begun: its first message was refused, or the process died before it was durable. Rejects as the store does. */
export async function deleteEmpty(key: SessionKey, token: FencingToken, { store, tenant, activity }: SessionDependencies): Promise<void> {
  await activity.forget(key)
  await store.deleteLog(journalKey(tenant, key), token)
}

/** Deletes what lies beside the journal of a session that is gone. Rejects as the store does; it may be repeated. */
export async function removeLeftovers(key: SessionKey, { store, tenant }: SessionDependencies): Promise<void> {
  await new SettingsDocument(store, tenant, key).delete()
}
