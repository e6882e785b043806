/** What nodes say to each other about shared entries. What arrives is checked: a message may be forged, or come from another version. Pure. */
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'
import { isCount, isObject } from './event-messages.ts'

/** Maximum UTF-16 code units of a topic and of a key. */
export const maxNameLength = 256

/** Maximum UTF-8 bytes of the JSON of an entry's meta. */
export const maxMetaBytes = 4_096

/** Maximum entries of one node in one table. */
export const maxEntries = 100_000

/** Maximum changes in one tell, and entries in one page: less than 3 MiB, whatever is in them. */
export const maxItems = 500

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
  /** The id after which the next page begins; absent for the last one. */
  readonly next?: number
}

/** Returns what another node tells; undefined for anything else. */
export function readEntriesTell({ head, changes }: JsonObject): EntriesTell | undefined {
  if (!isCount(head, 0) || !Array.isArray(changes) || changes.length > Math.min(head, maxItems)) return undefined
  return { head, changes: (changes as readonly JsonValue[]).map(readChange) }
}

/** Returns the page that follows the entry `after`, without entries that this version cannot read; undefined for what is none. */
export function readEntriesPage(body: JsonValue, after: number): EntriesPage | undefined {
  if (!isObject(body)) return undefined
  const { head, entries, next } = body
  if (!isCount(head, 0) || !Array.isArray(entries) || entries.length > maxItems) return undefined
  // One that leads nowhere would be read again and again.
  if (next !== undefined && (!isCount(next, after + 1) || entries.length === 0)) return undefined
  const readable: PortableEntry[] = []
  for (const entry of entries as readonly JsonValue[]) {
    const [id, ...rest] = Array.isArray(entry) ? (entry as readonly JsonValue[]) : []
    const added = readChange(rest)
    if (isCount(id, 1) && Array.isArray(added)) readable.push([id, ...(added as Exclude<EntryChange, number>)])
  }
  return { head, entries: readable, ...(next === undefined ? {} : { next }) }
}

function readChange(value: JsonValue | readonly JsonValue[]): EntryChange | undefined {
  if (typeof value === 'number') return isCount(value, 1) ? value : undefined
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
