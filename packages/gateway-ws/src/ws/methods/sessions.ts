/** `sessions.list`, and subscriptions to sessions. */
import { type SessionKey, type SessionSummary, sessionKeyParts } from '@beamclaw/core'
import type { SessionRow, SessionsListParams } from '@beamclaw/protocol'
import type { Connection } from '../connection.ts'
import { RequestFailure } from '../failure.ts'
import { fullKey, type Method, type World } from './call.ts'

/** Number of sessions that are read from the store at a time. */
const page = 1_000

/** Maximum number of sessions that one connection may watch by name. */
const maxWatched = 1_000

export const sessionsList: Method<'sessions.list'> = async ({ limit = 100, offset = 0, activeMinutes, ...filter }, world) => {
  const ts = Math.round(world.services.clock.now())
  const since = activeMinutes === undefined ? undefined : ts - activeMinutes * 60_000
  const wanted = offset + limit
  const found: SessionSummary[] = []
  for await (const summary of matching(world, filter, since, wanted + 1)) {
    found.push(summary)
    if (found.length > wanted) break
  }
  const shown = found.slice(offset, wanted)
  const next =
    found.length > wanted ? { nextOffset: wanted, nextCursor: shown.at(-1)?.cursor ?? null } : { nextOffset: null, nextCursor: null }
  return { ts, count: shown.length, hasMore: found.length > wanted, ...next, sessions: shown.map(rowOf) }
}

export const sessionsSubscribe: Method<'sessions.subscribe'> = async ({ sessionKey, agentId }, world, { connection }) => {
  if (sessionKey === undefined) {
    world.hub.watchEverything(connection)
    return { subscribed: true }
  }
  const key = fullKey(world, sessionKey, agentId)
  await watch(world, connection, key)
  return { subscribed: true, sessionKey: key }
}

export const sessionsUnsubscribe: Method<'sessions.unsubscribe'> = ({ sessionKey, agentId }, world, { connection }) => {
  if (sessionKey === undefined) {
    world.hub.unwatchEverything(connection)
    return { subscribed: false }
  }
  const key = fullKey(world, sessionKey, agentId)
  world.hub.unwatch(key, connection)
  return { subscribed: false, sessionKey: key }
}

export const sessionMessagesSubscribe: Method<'sessions.messages.subscribe'> = async ({ key, agentId }, world, { connection }) => {
  const full = fullKey(world, key, agentId)
  await watch(world, connection, full)
  return { subscribed: true, key: full }
}

export const sessionMessagesUnsubscribe: Method<'sessions.messages.unsubscribe'> = ({ key, agentId }, world, { connection }) => {
  const full = fullKey(world, key, agentId)
  world.hub.unwatch(full, connection)
  return { subscribed: false, key: full }
}

async function watch({ hub }: World, connection: Connection, key: SessionKey): Promise<void> {
  if (hub.watchedBy(connection) >= maxWatched) {
    throw new RequestFailure(
      'INVALID_REQUEST',
      `this connection watches ${maxWatched} sessions, the maximum; unsubscribe from one, or watch all with sessions.subscribe without a key`,
    )
  }
  await hub.session(key, connection).watch(connection)
}

/** What a list of sessions is limited to, apart from their activity. */
type Filter = Pick<SessionsListParams, 'sort' | 'agentId' | 'prefix' | 'owner' | 'label' | 'after'>

/** Yields sessions in the order of the list, each with its cursor. `wanted` is the number that the caller takes at most. */
async function* matching(
  { claw }: World,
  { sort, agentId, prefix, owner, label, after: start }: Filter,
  since: number | undefined,
  wanted: number,
): AsyncGenerator<SessionSummary> {
  const limit = since === undefined ? Math.min(page, wanted) : page
  const chosen = {
    ...(sort === undefined ? {} : { sort }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(owner === undefined ? {} : { owner }),
    ...(label === undefined ? {} : { label }),
  }
  for (let after = start; ; ) {
    const summaries = await claw.sessions({ limit, ...chosen, ...(after === undefined ? {} : { after }) })
    for (const summary of summaries) {
      if (since === undefined || (summary.updatedAt ?? 0) >= since) yield summary
      // All that follow are older.
      else if (sort === 'updatedAt') return
    }
    after = summaries.at(-1)?.cursor
    if (summaries.length < limit || after === undefined) return
  }
}

function rowOf({ sessionKey, agentId, updatedAt, settings }: SessionSummary): SessionRow {
  const { label, owner, channel, model, thinking, verbose } = settings
  const slash = model?.indexOf('/') ?? -1
  return {
    key: sessionKey,
    kind: 'direct',
    agentId,
    sessionId: sessionKeyParts(sessionKey).sessionId,
    updatedAt: updatedAt === undefined ? null : Math.round(updatedAt),
    ...(label === undefined ? {} : { label }),
    ...(owner === undefined ? {} : { owner }),
    ...(channel === undefined ? {} : { channel }),
    ...(thinking === undefined ? {} : { thinkingLevel: thinking }),
    ...(verbose === undefined ? {} : { verboseLevel: verbose }),
    ...(model === undefined ? {} : { model: model.slice(slash + 1), modelProvider: model.slice(0, slash) }),
  }
}
