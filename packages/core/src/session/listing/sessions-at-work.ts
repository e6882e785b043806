/** Finds the sessions of which memory knows more than the index: those that are listed as busy. */
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'
import type { ActivityLog } from '../activity/activity-log.ts'
import type { ListedSession } from '../session-list.ts'
import type { SessionRouter } from '../session-router.ts'
import type { SessionOverviews } from './session-overviews.ts'
import { surveySession } from './survey-session.ts'

export interface SessionsAtWorkSources {
  readonly store: Store
  readonly tenant: TenantId
  readonly activity: ActivityLog
  readonly overviews: SessionOverviews
  readonly router: Pick<SessionRouter, 'isStarted' | 'isBegun'>
}

/** Journals that are read at once. */
const atOnce = 32

/** Resolves with the busy sessions as lists show them; undefined for one that was deleted or never begun. */
export async function sessionsAtWork(sources: SessionsAtWorkSources): Promise<ReadonlyMap<SessionKey, ListedSession | undefined>> {
  const { activity, overviews, router } = sources
  const found = new Map<SessionKey, ListedSession | undefined>()
  const left: SessionKey[] = []
  for (const key of activity.listed) {
    const entry = overviews.known(key)
    if (entry !== undefined) found.set(key, { entry: shownAtWork(entry, activity) })
    else if (router.isStarted(key)) found.set(key, beingBegun(key, sources))
    else left.push(key)
  }
  for (let from = 0; from < left.length; from += atOnce) {
    await Promise.all(left.slice(from, from + atOnce).map(async (key) => found.set(key, await leftAsleep(key, sources))))
  }
  return found
}

/** Returns the sessions at work of this node as another one may read them. */
export function forOtherNode(found: ReadonlyMap<SessionKey, ListedSession | undefined>): JsonValue {
  return [...found.values()].flatMap((one) =>
    one === undefined ? [] : [{ entry: one.entry, isUnsure: one.verify !== undefined }],
  ) as unknown as JsonValue
}

/** Returns the sessions at work of another node. What cannot be read is left out. */
export function fromOtherNode(answer: JsonValue, router: Pick<SessionRouter, 'isBegun'>): ReadonlyMap<SessionKey, ListedSession> {
  const found = new Map<SessionKey, ListedSession>()
  if (!Array.isArray(answer)) return found
  for (const one of answer as readonly { readonly entry?: SessionIndexEntry; readonly isUnsure?: boolean }[]) {
    const { entry, isUnsure } = one
    if (typeof entry?.sessionKey !== 'string' || typeof entry.settings !== 'object') continue
    const verify = async (): Promise<SessionIndexEntry | undefined> => ((await router.isBegun(entry.sessionKey)) ? entry : undefined)
    found.set(entry.sessionKey, isUnsure === true ? { entry, verify } : { entry })
  }
  return found
}

/** A session at work was active when its work began. */
function shownAtWork(entry: SessionIndexEntry, activity: ActivityLog): SessionIndexEntry {
  const updatedAt = activity.isLingering(entry.sessionKey) ? undefined : activity.lastSeen(entry.sessionKey)
  return updatedAt === undefined ? entry : { ...entry, updatedAt }
}

/** A session in memory of which nothing was durable when it was loaded. It is there once its first message or its settings are. */
function beingBegun(sessionKey: SessionKey, { activity, overviews, router }: SessionsAtWorkSources): ListedSession {
  const updatedAt = activity.lastSeen(sessionKey)
  const entry = { sessionKey, settings: {}, ...(updatedAt === undefined ? {} : { updatedAt }) }
  const verify = async (): Promise<SessionIndexEntry | undefined> => {
    if (!(await router.isBegun(sessionKey))) return undefined
    // The times stay as they were, so that the session is in its place.
    return { ...entry, settings: overviews.known(sessionKey)?.settings ?? {} }
  }
  return { entry, verify }
}

/** A session that an earlier process left at work, and that was not used since: only its journal knows it. */
async function leftAsleep(
  key: SessionKey,
  { store, tenant, activity, overviews, router }: SessionsAtWorkSources,
): Promise<ListedSession | undefined> {
  const surveyed = await surveySession(store, tenant, key)
  if (surveyed === undefined) return undefined
  // Read once; if it was loaded meanwhile, memory knows more.
  if (!router.isStarted(key) && overviews.known(key) === undefined && activity.isListed(key))
    overviews.loaded(surveyed.entry, { isListed: true })
  return { entry: shownAtWork(overviews.known(key) ?? surveyed.entry, activity) }
}
