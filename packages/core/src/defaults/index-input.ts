/** The checks of an index's input, before it changes anything. For authors of stores: `storeContract()` of testkit requires them. */
import { checkOptions, describeValue, integer, type OptionRule, oneOf } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { parseSessionKey, type SessionKey, type TenantId } from '../base/ids.ts'
import type { SessionIndexEntry, SessionIndexQuery } from '../ports/session-index.ts'
import { encodeJson } from './json-text.ts'
import { checkStoreKey } from './store-input.ts'

/** An entry as text, with what a page filters and sorts by. */
export interface EncodedIndexEntry {
  readonly sessionKey: SessionKey
  /** The whole entry as JSON. */
  readonly json: string
  readonly label: string | undefined
  readonly owner: string | undefined
  /** 0 for an absent time. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** A query that was checked, and that no caller can change any more. */
export type CheckedIndexQuery = SessionIndexQuery & { readonly prefix: string }

/**
 * Throws `invalid-id` for what is no tenant.
 * @example checkIndexTenant(tenant)
 */
export function checkIndexTenant(tenant: TenantId): void {
  checkStoreKey([tenant], 0)
}

/**
 * Returns copies of entries, as JSON of at most `maxBytes` each. Throws `invalid-message`, `invalid-session-key` or `document-too-large`.
 * @example const rows = encodeIndexEntries(entries, 64 * 1024 * 1024)
 */
export function encodeIndexEntries(entries: readonly SessionIndexEntry[], maxBytes: number): EncodedIndexEntry[] {
  if (!Array.isArray(entries)) throw notEntry('an array of entries', entries)
  return entries.map((entry: SessionIndexEntry): EncodedIndexEntry => {
    if (typeof entry !== 'object' || entry === null) throw notEntry('an entry of an index', entry)
    const { sessionKey, createdAt, updatedAt, preview, bytes, settings } = entry
    if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
      throw notEntry('"settings" as a JSON object', settings)
    if (preview !== undefined && typeof preview !== 'string') throw notEntry('"preview" as text', preview)
    for (const time of [createdAt, updatedAt])
      if (time !== undefined && !Number.isFinite(time)) throw notEntry('a time in milliseconds since 1970', time)
    if (bytes !== undefined && !(Number.isFinite(bytes) && bytes >= 0)) throw notEntry('"bytes" as a number from 0', bytes)
    const json = encodeJson({ sessionKey: wholeKey(sessionKey), createdAt, updatedAt, preview, bytes, settings }, maxBytes)
    // What the JSON has, whatever a getter says the second time.
    const { label, owner } = (JSON.parse(json) as SessionIndexEntry).settings
    return {
      sessionKey,
      json,
      label: typeof label === 'string' ? label : undefined,
      owner: typeof owner === 'string' ? owner : undefined,
      createdAt: createdAt ?? 0,
      updatedAt: updatedAt ?? 0,
    }
  })
}

/**
 * Returns a copy of the keys. Throws `invalid-session-key`, or `invalid-message` for what is no list.
 * @example const keys = checkIndexKeys(given)
 */
export function checkIndexKeys(keys: readonly SessionKey[]): readonly SessionKey[] {
  if (!Array.isArray(keys)) throw notEntry('an array of session keys', keys)
  return keys.map((key) => wholeKey(key))
}

/**
 * Returns a checked copy of a query. Throws `invalid-option`.
 * @example const { sort, prefix, after, limit } = checkIndexQuery(query)
 */
export function checkIndexQuery(query: SessionIndexQuery): CheckedIndexQuery {
  const owner = 'SessionIndex.page'
  checkOptions<SessionIndexQuery>(
    owner,
    query,
    {
      sort: oneOf('key', 'updatedAt', 'createdAt'),
      prefix: aText,
      label: aText,
      owner: aText,
      after: (value) => (typeof value === 'object' && value !== null ? undefined : 'a place in the list'),
      limit: integer(1),
    },
    ['sort', 'limit'],
  )
  const { sort, prefix = '', label, owner: of, after, limit } = query
  const found = { sort, prefix, limit, ...(label === undefined ? {} : { label }), ...(of === undefined ? {} : { owner: of }) }
  if (after === undefined) return found
  const { sessionKey, at } = after
  const isPlace = typeof sessionKey === 'string' && sessionKey.length <= 1_024 && (at === undefined ? sort === 'key' : Number.isFinite(at))
  if (!isPlace) throw new BeamClawError('invalid-option', `${owner}: "after" must be a session key, with the time in a list by time`)
  return { ...found, after: at === undefined ? { sessionKey } : { sessionKey, at } }
}

/**
 * Returns less than 0, 0 or more than 0 for two places in the order `sort`.
 * @example entries.sort((a, b) => compareIndexPlaces('updatedAt', a, b))
 */
export function compareIndexPlaces(
  sort: SessionIndexQuery['sort'],
  a: { readonly sessionKey: string; readonly at: number },
  b: { readonly sessionKey: string; readonly at: number },
): number {
  if (sort !== 'key' && a.at !== b.at) return a.at > b.at ? -1 : 1
  return a.sessionKey < b.sessionKey ? -1 : a.sessionKey > b.sessionKey ? 1 : 0
}

const aText: OptionRule = (value) => (typeof value === 'string' && value.length <= 1_024 ? undefined : 'text of at most 1024 characters')

function wholeKey(value: unknown): SessionKey {
  const key = parseSessionKey(value)
  if (key === value) return key
  throw new BeamClawError('invalid-session-key', 'An index takes session keys in lower case, as parseSessionKey returns them')
}

function notEntry(expected: string, value: unknown): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was put into the index: expected ${expected}, received ${describeValue(value)}`)
}
