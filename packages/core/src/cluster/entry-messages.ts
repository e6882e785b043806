/** What nodes say to each other about shared entries. What arrives is checked: a message may be forged, or come from another version. Pure. */
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'

/** Maximum UTF-16 code units of a topic and of a key. */
export const maxNameLength = 256

/** Maximum UTF-8 bytes of the JSON of an entry's meta. */
export const maxMetaBytes = 4_096

/** Maximum entries of one node in one table. */
export const maxEntries = 100_000

/** Maximum changes in one tell, and entries in one page. Either also ends when it has about so many bytes. */
export const maxItems = 5_000
export const maxItemsBytes = 524_288

/** An entry as it travels. Its id is the number of the change that added it. */
export type PortableEntry = readonly [id: number, topic: string, key: string, meta: JsonValue]

/** The change number n: the entry n is added; or the entry with this id is removed. */
export type EntryChange = readonly [topic: string, key: string, meta: JsonValue] | number

/** The last change of the sender is number `head`, and `changes` are the last ones up to it. Without changes it is a digest. */
export interface EntriesTell {
  readonly head: number
  /** Undefined in the place of a change that this version cannot read: it counts all the same. */
  readonly changes: readonly (EntryChange | undefined)[]
}

/** A part of a node's entries, in the order of their ids; `head` is the number of the last change at that moment. */
export interface EntriesPage {
  readonly head: number
  readonly entries: readonly PortableEntry[]
  readonly isLast: boolean
}

/** Returns what another node tells; undefined for anything else. */
export function readEntriesTell(body: JsonValue | undefined): EntriesTell | undefined {
  if (!isObject(body)) return undefined
  const { head, changes } = body
  if (!isCount(head) || !Array.isArray(changes) || changes.length > Math.min(head, maxItems)) return undefined
  return { head, changes: (changes as readonly JsonValue[]).map(readChange) }
}

/** Returns the page that follows the entry `after`, without entries that this version cannot read; undefined for what is none. */
export function readEntriesPage(body: JsonValue, after: number): (EntriesPage & { readonly lastId: number }) | undefined {
  if (!isObject(body)) return undefined
  const { head, entries, isLast } = body
  if (!isCount(head) || !Array.isArray(entries) || entries.length > maxItems || typeof isLast !== 'boolean') return undefined
  const readable: PortableEntry[] = []
  let lastId = after
  for (const entry of entries as readonly JsonValue[]) {
    if (!Array.isArray(entry)) return undefined
    const [id, ...rest] = entry as readonly JsonValue[]
    if (!isCount(id) || id <= lastId) return undefined
    lastId = id
    const added = readChange(rest)
    if (Array.isArray(added)) readable.push([id, ...(added as Exclude<EntryChange, number>)])
  }
  // A page in the middle that has nothing would be asked for again and again.
  return !isLast && lastId === after ? undefined : { head, entries: readable, isLast, lastId }
}

/** Returns no fewer bytes than a change or an entry takes. */
export function bytesOf(topic: string, key: string, metaText: string): number {
  return 64 + 6 * (topic.length + key.length) + 3 * metaText.length
}

function readChange(value: JsonValue): EntryChange | undefined {
  if (typeof value === 'number') return isCount(value) ? value : undefined
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [topic, key, meta] = value as readonly JsonValue[]
  return isName(topic) && isName(key) && meta !== undefined && isMeta(meta) ? [topic, key, meta] : undefined
}

function isMeta(value: JsonValue): boolean {
  try {
    encodeJson(value, maxMetaBytes)
    return true
  } catch {
    return false
  }
}

function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxNameLength
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
