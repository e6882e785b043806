/** Lists the sessions in the store. */
import { checkOptions, integer, oneOf, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId, parseSessionKey, type SessionKey, sessionKey, type TenantId } from '../base/ids.ts'
import type { Store, StoreKey } from '../ports/store.ts'
import type { ActivityLog } from './activity/activity-log.ts'
import { journalKey } from './session-names.ts'
import type { SessionOverviews } from './session-overview.ts'
import { type SessionSettings, SettingsDocument } from './session-settings.ts'

/** One session in a list of sessions. */
export interface SessionSummary {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** When its first message was recorded, in milliseconds since 1970; absent for a session without messages, or one of an earlier version. */
  readonly createdAt?: number
  /** When it last worked, in milliseconds since 1970; absent when unknown. */
  readonly updatedAt?: number
  /** The first 120 characters of its last message with text; absent when there is none. */
  readonly preview?: string
  /** Its settings, as set by `configure`. */
  readonly settings: SessionSettings
  /** Pass it as `after` of the same list to get the page that follows this session. */
  readonly cursor: string
}

/** Options of `listSessions`. */
export interface ListSessionsOptions {
  readonly agentId?: string
  /** Only sessions whose whole keys begin with this text, for example `agent:main:user-7:`. Rejected unless it can begin a key. */
  readonly prefix?: string
  /** Only sessions configured with this label. */
  readonly label?: string
  /** Only sessions configured with this owner. */
  readonly owner?: string
  /** `updatedAt`: the most recently active first. `createdAt`: the newest first. @default 'key' */
  readonly sort?: 'key' | 'updatedAt' | 'createdAt'
  /** The `cursor` of the last session of the previous page; a list by key also takes a session key. @default the first page */
  readonly after?: string
  /** Maximum sessions in the page. @default 1000 */
  readonly limit?: number
}

export interface SessionListSources {
  readonly store: Store
  readonly tenant: TenantId
  readonly activity: ActivityLog
  readonly overviews: SessionOverviews
  /** Resolves with false for a journal whose session was never begun. */
  readonly isBegun: (key: SessionKey) => Promise<boolean>
}

/** Maximum sessions whose documents are read at once. */
const pageSize = 1_000

/**
 * Resolves with a page of sessions. There is no index yet: a filter reads the documents of each session until the page is full, and a list by
 * `updatedAt` or `createdAt` reads those of all sessions, a thousand at a time. Rejects with `invalid-option`, `invalid-id` or `invalid-session-key`.
 */
export async function listSessions(sources: SessionListSources, options: ListSessionsOptions): Promise<readonly SessionSummary[]> {
  checkOptions<ListSessionsOptions>('sessions', options, {
    agentId: text(64),
    prefix: aPrefix,
    label: text(256),
    owner: text(256),
    sort: oneOf('key', 'updatedAt', 'createdAt'),
    after: text(1_024),
    limit: integer(0),
  })
  const { after, limit = pageSize, sort = 'key' } = options
  if (sort !== 'key') return byTime(sources, options, sort, after === undefined ? undefined : parseCursor(after), limit)
  const found: SessionSummary[] = []
  const start = after === undefined ? undefined : parseSessionKey(after)
  const size = hasFilter(options) ? pageSize : Math.min(pageSize, limit)
  if (limit === 0) return found
  for await (const page of pagesOf(sources, options, start, size)) {
    for (const summary of page) if (found.length < limit) found.push(summary)
    if (found.length >= limit) break
  }
  return found
}

/** A short name is refused: taken as the beginning of a whole key it would find nothing. */
function aPrefix(value: unknown): string | undefined {
  const problem = text(1_024)(value)
  if (problem !== undefined) return problem
  const [start, prefix] = ['agent:', String(value).toLowerCase()]
  return prefix.startsWith(start) || start.startsWith(prefix) ? undefined : 'the beginning of a whole key, such as "agent:main:user-7:"'
}

async function byTime(
  sources: SessionListSources,
  options: ListSessionsOptions,
  sort: 'updatedAt' | 'createdAt',
  after: { readonly at: number; readonly key: string } | undefined,
  limit: number,
): Promise<readonly SessionSummary[]> {
  let first: SessionSummary[] = []
  for await (const page of pagesOf(sources, options, undefined, pageSize)) {
    const later = page.filter((one) => after === undefined || comparePlaces(placeOf(one, sort), after) > 0)
    first = [...first, ...later].sort((a, b) => comparePlaces(placeOf(a, sort), placeOf(b, sort))).slice(0, limit)
  }
  return first.map((summary) => ({ ...summary, cursor: `${placeOf(summary, sort).at}~${summary.sessionKey}` }))
}

function placeOf(summary: SessionSummary, sort: 'updatedAt' | 'createdAt'): { readonly at: number; readonly key: string } {
  return { at: summary[sort] ?? 0, key: summary.sessionKey }
}

/** Sorts the latest first, and sessions of the same time by key. */
function comparePlaces(a: { readonly at: number; readonly key: string }, b: { readonly at: number; readonly key: string }): number {
  return b.at - a.at || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
}

function parseCursor(after: string): { readonly at: number; readonly key: string } {
  const split = after.indexOf('~')
  const at = Number(after.slice(0, split))
  if (split > 0 && Number.isFinite(at)) return { at, key: after.slice(split + 1) }
  throw new BeamClawError('invalid-option', 'sessions: "after" must be the cursor of a session of a list that is sorted by the same time')
}

function hasFilter({ prefix, label, owner }: ListSessionsOptions): boolean {
  return prefix !== undefined || label !== undefined || owner !== undefined
}

/** Yields the sessions that pass the filters, in key order. Each batch comes from one page of keys. */
async function* pagesOf(
  sources: SessionListSources,
  { agentId, prefix = '', label, owner }: ListSessionsOptions,
  after: SessionKey | undefined,
  size: number,
): AsyncGenerator<readonly SessionSummary[]> {
  const { store, tenant } = sources
  const below: StoreKey = agentId === undefined ? [tenant, 'sessions'] : [tenant, 'sessions', parseAgentId(agentId)]
  const wanted = prefix.toLowerCase()
  let last: StoreKey | undefined = after === undefined ? undefined : journalKey(tenant, after)
  for (;;) {
    const keys = await store.list(below, { limit: size, ...(last === undefined ? {} : { after: last }) })
    const journals = sessionsAmong(keys, last).filter((key) => `agent:${key[2]}:${key[3]}`.startsWith(wanted))
    const summaries = await Promise.all(journals.map((key) => summaryOf(sources, key)))
    const found = summaries.filter((summary) => summary !== undefined)
    yield found.filter(
      ({ settings }) => (label === undefined || settings.label === label) && (owner === undefined || settings.owner === owner),
    )
    last = keys.at(-1)
    if (last === undefined) return
  }
}

/** Returns the journal keys of the sessions that the keys belong to. `last` is the last key before them, so that each session is returned once. */
function sessionsAmong(keys: readonly StoreKey[], last: StoreKey | undefined): readonly StoreKey[] {
  let before = last
  return keys.flatMap((key) => {
    const isNew = before === undefined || before.length < 4 || !isBelow(key, before.slice(0, 4) as unknown as StoreKey)
    before = key
    return key.length >= 4 && isNew ? [key.slice(0, 4) as unknown as StoreKey] : []
  })
}

/** Resolves with undefined for a journal whose session was never begun. */
async function summaryOf(
  { store, tenant, activity, overviews, isBegun }: SessionListSources,
  key: StoreKey,
): Promise<SessionSummary | undefined> {
  const [, , agent = '', id = ''] = key
  const own = sessionKey(agent, id)
  const [settings, overview] = await Promise.all([settingsOf(store, tenant, own), overviews.read(own)])
  if (overview === undefined && !hasSettings(settings) && !(await isBegun(own))) return undefined
  const updatedAt = activity.lastSeen(own) ?? overview?.updatedAt
  return {
    sessionKey: own,
    agentId: agent as AgentId,
    ...(overview === undefined ? {} : { createdAt: overview.createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(overview === undefined || overview.preview === '' ? {} : { preview: overview.preview }),
    settings: settings.value,
    cursor: own,
  }
}

/** A session whose settings cannot be read is listed without them. The session itself reports the error when it is used. */
async function settingsOf(
  store: Store,
  tenant: TenantId,
  key: SessionKey,
): Promise<Pick<SettingsDocument, 'value' | 'isStored' | 'isDeleting'>> {
  try {
    return await new SettingsDocument(store, tenant, key).load()
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return { value: {}, isStored: true, isDeleting: false }
    throw error
  }
}

/**
 * Resolves with the stored state of a session. `none`: nothing, so no session. `described`: a record or settings, which only a begun session has. `bare`: a
 * journal without a record, because a first message may be refused after the journal was opened.
 */
export async function findJournal(store: Store, tenant: TenantId, key: SessionKey): Promise<'none' | 'bare' | 'described'> {
  const page = await store.readLog(journalKey(tenant, key), { limit: 1 })
  if (page !== undefined && page.lastSeq > 0) return 'described'
  if (hasSettings(await settingsOf(store, tenant, key))) return 'described'
  return page === undefined ? 'none' : 'bare'
}

function isBelow(key: StoreKey, above: StoreKey): boolean {
  return above.every((part, index) => key[index] === part)
}

/** Settings that are marked for deletion may belong to a session that is deleted already. */
function hasSettings({ isStored, isDeleting }: Pick<SettingsDocument, 'isStored' | 'isDeleting'>): boolean {
  return isStored && !isDeleting
}
