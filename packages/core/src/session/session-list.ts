/** Lists sessions: a page of the index, and the sessions at work, of which memory knows more. */
import { checkOptions, definedOnly, integer, oneOf, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, parseAgentId, parseSessionKey, type SessionKey, sessionKeyParts, type TenantId } from '../base/ids.ts'
import { compareIndexPlaces } from '../defaults/index-input.ts'
import type { SessionIndexEntry, SessionIndexQuery } from '../ports/session-index.ts'
import type { Store } from '../ports/store.ts'
import type { SessionSettings } from './session-settings.ts'

/** One session in a list of sessions. */
export interface SessionSummary {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** When its first message was recorded, in milliseconds since 1970; absent for a session without messages. */
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

/** A session that a list may have, and that the index need not know. */
export interface ListedSession {
  readonly entry: SessionIndexEntry
  /** Resolves with the entry to show, or with undefined if the session is not there after all. Absent for one that is there. */
  readonly verify?: () => Promise<SessionIndexEntry | undefined>
}

export interface SessionListSources {
  readonly store: Store
  readonly tenant: TenantId
  /** Resolves once the index is complete. */
  readonly ready: () => Promise<void>
  /** Resolves with the sessions whose entries in the index may be out of date or missing, by their keys; undefined for one that is gone. */
  readonly atWork: () => Promise<ReadonlyMap<SessionKey, ListedSession | undefined>>
}

/** Maximum readings of a page, each after the index was lost during the one before. */
const mostAttempts = 5

/** Maximum sessions of a page of the index. */
const pageSize = 1_000

/**
 * Resolves with a page of sessions. Rejects with `invalid-option`, `invalid-id` or `invalid-session-key`, with `index-rebuilding`, and as the store does.
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
  const { limit = pageSize } = options
  const query = queryOf(options, limit)
  if (query === undefined || limit === 0) return []
  const { store, tenant, ready, atWork } = sources
  for (let attempt = 1; ; attempt++) {
    await ready()
    const working = await atWork()
    const stored = await storedBeside(working, sources, query)
    const entries = await merged(working, stored, query)
    // An index that was replaced meanwhile, because it could not be read, has only a part of the sessions.
    if ((await store.index.status(tenant)).isComplete) return entries.map((entry) => summaryOf(entry, query.sort))
    if (attempt === mostAttempts)
      throw new BeamClawError('index-rebuilding', 'The index of sessions is lost again and again; look at its disk')
  }
}

/** Returns undefined for options that no session can meet. */
function queryOf(options: ListSessionsOptions, limit: number): SessionIndexQuery | undefined {
  const { agentId, label, owner, after, sort = 'key' } = options
  const given = options.prefix?.toLowerCase() ?? ''
  const ofAgent = agentId === undefined ? '' : `agent:${parseAgentId(agentId)}:`
  const prefix = given.length > ofAgent.length ? given : ofAgent
  if (!prefix.startsWith(given) || !prefix.startsWith(ofAgent)) return undefined
  const place = after === undefined ? undefined : sort === 'key' ? { sessionKey: parseSessionKey(after) } : parseCursor(after)
  return { sort, prefix, limit, ...definedOnly({ label, owner, after: place }) }
}

/** A short name is refused: taken as the beginning of a whole key it would find nothing. */
function aPrefix(value: unknown): string | undefined {
  const problem = text(1_024)(value)
  if (problem !== undefined) return problem
  const [start, prefix] = ['agent:', String(value).toLowerCase()]
  return prefix.startsWith(start) || start.startsWith(prefix) ? undefined : 'the beginning of a whole key, such as "agent:main:user-7:"'
}

function parseCursor(after: string): { readonly at: number; readonly sessionKey: string } {
  const split = after.indexOf('~')
  const at = Number(after.slice(0, split))
  if (split > 0 && Number.isFinite(at)) return { at, sessionKey: after.slice(split + 1) }
  throw new BeamClawError('invalid-option', 'sessions: "after" must be the cursor of a session of a list that is sorted by the same time')
}

/** Resolves with entries of the index, as many as the page may need, without the sessions at work. */
async function storedBeside(
  working: ReadonlyMap<SessionKey, unknown>,
  { store, tenant }: SessionListSources,
  query: SessionIndexQuery,
): Promise<readonly SessionIndexEntry[]> {
  const found: SessionIndexEntry[] = []
  for (let { after } = query; ; ) {
    const limit = Math.min(pageSize, query.limit - found.length)
    const page = await store.index.page(tenant, { ...query, limit, ...definedOnly({ after }) })
    for (const entry of page) if (!working.has(entry.sessionKey)) found.push(entry)
    const last = page.at(-1)
    if (last === undefined || page.length < limit || found.length >= query.limit) return found
    after = query.sort === 'key' ? { sessionKey: last.sessionKey } : placeOf(last, query.sort)
  }
}

/** Resolves with the page, in order. Whether a session that is being begun is there is found out only if it is its turn. */
async function merged(
  working: ReadonlyMap<SessionKey, ListedSession | undefined>,
  stored: readonly SessionIndexEntry[],
  query: SessionIndexQuery,
): Promise<readonly SessionIndexEntry[]> {
  const { sort, limit } = query
  const candidates = [...working.values()].filter((one): one is ListedSession => one !== undefined && isWithin(one.entry, query))
  const known = candidates.filter(({ entry, verify }) => verify !== undefined || isOf(entry, query))
  const all: ListedSession[] = [...known, ...stored.map((entry) => ({ entry }))]
  all.sort((a, b) => compareIndexPlaces(sort, placeOf(a.entry, sort), placeOf(b.entry, sort)))
  const found: SessionIndexEntry[] = []
  for (const { entry, verify } of all) {
    if (found.length >= limit) break
    const shown = verify === undefined ? entry : await verify()
    if (shown !== undefined && isOf(shown, query)) found.push(shown)
  }
  return found
}

/** True for a session whose key and place are asked for. */
function isWithin(entry: SessionIndexEntry, { sort, prefix = '', after }: SessionIndexQuery): boolean {
  if (!entry.sessionKey.startsWith(prefix)) return false
  return after === undefined || compareIndexPlaces(sort, placeOf(entry, sort), { at: 0, ...after }) > 0
}

function isOf({ settings }: SessionIndexEntry, { label, owner }: SessionIndexQuery): boolean {
  return (label === undefined || settings.label === label) && (owner === undefined || settings.owner === owner)
}

function placeOf(entry: SessionIndexEntry, sort: SessionIndexQuery['sort']): { readonly at: number; readonly sessionKey: string } {
  return { at: sort === 'key' ? 0 : (entry[sort] ?? 0), sessionKey: entry.sessionKey }
}

function summaryOf(entry: SessionIndexEntry, sort: SessionIndexQuery['sort']): SessionSummary {
  const { sessionKey, createdAt, updatedAt, preview, settings } = entry
  const cursor = sort === 'key' ? sessionKey : `${placeOf(entry, sort).at}~${sessionKey}`
  const { agentId } = sessionKeyParts(sessionKey)
  return { sessionKey, agentId, ...definedOnly({ createdAt, updatedAt, preview }), settings: settings as SessionSettings, cursor }
}
