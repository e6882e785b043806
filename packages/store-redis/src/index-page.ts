/** A page of the index: a walk through the sorted set that fits the query best. */
import type { SessionIndexEntry } from '@beamclaw/core'
import { type CheckedIndexQuery, compareIndexPlaces } from '@beamclaw/core/adapter'
import { groupSet, groupsOf } from './index-groups.ts'
import { toOrdered } from './ordered-text.ts'
import type { RedisReply } from './redis-client.ts'

/** The index of one tenant, as a page reads it. */
export interface IndexSource {
  read(...command: readonly string[]): Promise<RedisReply>
  /** Returns the name of a sorted set. */
  setOf(suffix: string): string
  /** Resolves with entries in the order of the members; undefined for one that is not there. */
  entries(members: readonly string[]): Promise<readonly (SessionIndexEntry | undefined)[]>
}

const membersAtOnce = 1_000
const fewestAtOnce = 50

/** Resolves with the entries of the page, in order. */
export async function readIndexPage(source: IndexSource, query: CheckedIndexQuery): Promise<SessionIndexEntry[]> {
  const [group] = groupsOf(query)
  if (group === undefined) return query.sort === 'key' ? await walkKeys(source, query) : await walkTimes(source, query, query.sort)
  if (query.sort === 'updatedAt') return await walkTimes(source, query, groupSet(group))
  return await sortGroup(source, query, groupSet(group))
}

function matches(entry: SessionIndexEntry | undefined, { prefix, label, owner }: CheckedIndexQuery): entry is SessionIndexEntry {
  if (entry === undefined || !entry.sessionKey.startsWith(prefix)) return false
  return (label === undefined || entry.settings.label === label) && (owner === undefined || entry.settings.owner === owner)
}

function stepOf({ limit }: CheckedIndexQuery): number {
  return Math.min(membersAtOnce, Math.max(fewestAtOnce, limit))
}

async function walkKeys(source: IndexSource, query: CheckedIndexQuery): Promise<SessionIndexEntry[]> {
  const { prefix, after, limit } = query
  const found: SessionIndexEntry[] = []
  const to = prefix === '' ? '+' : `(${toOrdered(prefix)}\u{10ffff}`
  let from = prefix === '' ? '-' : `[${toOrdered(prefix)}`
  if (after !== undefined && after.sessionKey >= prefix) from = `(${toOrdered(after.sessionKey)}`
  while (found.length < limit) {
    const command = ['ZRANGEBYLEX', source.setOf('key'), from, to, 'LIMIT', '0', String(stepOf(query))]
    const members = (await source.read(...command)) as readonly string[]
    for (const entry of await source.entries(members)) if (matches(entry, query)) found.push(entry)
    if (members.length < stepOf(query)) break
    from = `(${members.at(-1)}`
  }
  return found.slice(0, limit)
}

async function walkTimes(source: IndexSource, query: CheckedIndexQuery, suffix: string): Promise<SessionIndexEntry[]> {
  const set = source.setOf(suffix)
  const ordered = toOrdered(query.prefix)
  const found: SessionIndexEntry[] = []
  let rank = await firstRank(source, query, set)
  while (found.length < query.limit) {
    const step = stepOf(query)
    const members = (await source.read('ZRANGE', set, String(rank), String(rank + step - 1))) as readonly string[]
    const wanted = members.filter((member) => member.startsWith(ordered))
    for (const entry of await source.entries(wanted)) if (matches(entry, query)) found.push(entry)
    if (members.length < step) break
    rank += step
  }
  return found.slice(0, query.limit)
}

/** Resolves with the rank of the first member after the place of the query, whether or not a session is there. */
async function firstRank(source: IndexSource, { after }: CheckedIndexQuery, set: string): Promise<number> {
  if (after === undefined) return 0
  const score = String(-(after.at ?? 0))
  const place = toOrdered(after.sessionKey)
  let low = Number(await source.read('ZCOUNT', set, '-inf', `(${score}`))
  let high = low + Number(await source.read('ZCOUNT', set, score, score))
  const isThere = (await source.read('ZSCORE', set, place)) !== null
  const rank = isThere ? Number(await source.read('ZRANK', set, place)) : -1
  if (rank >= low && rank < high) return rank + 1
  // Among sessions of the same moment the order is that of their keys.
  while (low < high) {
    const middle = (low + high) >> 1
    const [member = ''] = (await source.read('ZRANGE', set, String(middle), String(middle))) as readonly string[]
    if (Buffer.compare(Buffer.from(member), Buffer.from(place)) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** A group is sorted by last activity. For another order all of it is read: that costs what the group has, not what the store has. */
async function sortGroup(source: IndexSource, query: CheckedIndexQuery, suffix: string): Promise<SessionIndexEntry[]> {
  const { sort, after, limit } = query
  const found: SessionIndexEntry[] = []
  for (let rank = 0; ; rank += membersAtOnce) {
    const members = (await source.read('ZRANGE', source.setOf(suffix), String(rank), String(rank + membersAtOnce - 1))) as readonly string[]
    for (const entry of await source.entries(members)) if (matches(entry, query)) found.push(entry)
    if (members.length < membersAtOnce) break
  }
  const placeOf = (entry: SessionIndexEntry): { sessionKey: string; at: number } => ({
    sessionKey: entry.sessionKey,
    at: sort === 'key' ? 0 : (entry[sort] ?? 0),
  })
  found.sort((a, b) => compareIndexPlaces(sort, placeOf(a), placeOf(b)))
  const place = after === undefined ? undefined : { sessionKey: after.sessionKey, at: after.at ?? 0 }
  return found.filter((entry) => place === undefined || compareIndexPlaces(sort, placeOf(entry), place) > 0).slice(0, limit)
}
