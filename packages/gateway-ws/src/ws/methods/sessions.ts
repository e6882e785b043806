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

export const sessionsList: Method<'sessions.list'> = async ({ limit = 100, offset = 0, ...filter }, world) => {
  const ts = Math.round(world.services.clock.now())
  const found: SessionRow[] = []
  for await (const row of matching(world, filter, ts)) {
    found.push(row)
    if (found.length > offset + limit) break
  }
  const sessions = found.slice(offset, offset + limit)
  const hasMore = found.length > offset + limit
  return { ts, count: sessions.length, hasMore, nextOffset: hasMore ? offset + limit : null, sessions }
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

async function* matching(
  { claw }: World,
  { agentId, activeMinutes }: Pick<SessionsListParams, 'agentId' | 'activeMinutes'>,
  now: number,
): AsyncGenerator<SessionRow> {
  let after: SessionKey | undefined
  const since = activeMinutes === undefined ? undefined : now - activeMinutes * 60_000
  for (;;) {
    const summaries = await claw.sessions({
      limit: page,
      ...(agentId === undefined ? {} : { agentId }),
      ...(after === undefined ? {} : { after }),
    })
    for (const summary of summaries) if (since === undefined || (summary.updatedAt ?? 0) >= since) yield rowOf(summary)
    after = summaries.at(-1)?.sessionKey
    if (summaries.length < page || after === undefined) return
  }
}

function rowOf({ sessionKey, agentId, updatedAt, settings: { label, channel, model, thinking, verbose } }: SessionSummary): SessionRow {
  const slash = model?.indexOf('/') ?? -1
  return {
    key: sessionKey,
    kind: 'direct',
    agentId,
    sessionId: sessionKeyParts(sessionKey).sessionId,
    updatedAt: updatedAt === undefined ? null : Math.round(updatedAt),
    ...(label === undefined ? {} : { label }),
    ...(channel === undefined ? {} : { channel }),
    ...(model === undefined ? {} : { model: model.slice(slash + 1), modelProvider: model.slice(0, slash) }),
    ...(thinking === undefined ? {} : { thinkingLevel: thinking }),
    ...(verbose === undefined ? {} : { verboseLevel: verbose }),
  }
}
