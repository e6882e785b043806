/** The messages between nodes as text: several items in one envelope. What arrives is checked, for any client of the server can publish. Pure. */
import type { JsonValue } from '@beamclaw/core'
import { encodeJson } from '@beamclaw/core/adapter'

/** Largest envelope, in bytes of UTF-8. */
export const maxEnvelopeBytes = 32 * 1024 * 1024

/** Most items of an envelope: each is work for the node that hears it, which must not be kept from its heartbeat. */
export const mostItems = 10_000

const version = 1
/** What the frame around the items takes at most, and that around one item. */
const frameBytes = 512

/** One message. */
export type Item =
  | { readonly kind: 'ask'; readonly id: string; readonly body: JsonValue }
  | { readonly kind: 'answer'; readonly id: string; readonly body: JsonValue }
  | { readonly kind: 'error'; readonly id: string; readonly body: JsonValue }
  | { readonly kind: 'tell'; readonly body: JsonValue }

/** What ends a request. */
export type AnswerItem = Extract<Item, { readonly kind: 'answer' | 'error' }>

/** Messages of one node to another, in order. */
export interface Envelope {
  /** The incarnation that sent it. */
  readonly from: string
  readonly items: readonly Item[]
}

/** An item as text. */
export interface EncodedItem {
  readonly text: string
  readonly bytes: number
}

/** An envelope that is kept at the server under an id: channels are for small messages. */
export interface ParcelNotice {
  readonly from: string
  readonly parcel: string
}

/** Why a message was dropped. */
export type Refusal = 'too-large' | 'too-many' | 'malformed' | 'unknown-version'

/** Returns an item as text. Throws `document-too-large` for one that no envelope can hold, and `invalid-message` for what is no JSON. */
export function encodeItem(item: Item): EncodedItem {
  const body = encodeJson(item.body, maxEnvelopeBytes - frameBytes)
  const head = item.kind === 'tell' ? '{"k":"tell"' : `{"k":"${item.kind}","i":${JSON.stringify(item.id)}`
  const text = `${head},"b":${body}}`
  return { text, bytes: Buffer.byteLength(text) }
}

/** Returns the text of an envelope. The items together may take `maxEnvelopeBytes` less their number and 512. */
export function encodeEnvelope(from: string, items: readonly EncodedItem[]): string {
  return `{"v":${version},"f":${JSON.stringify(from)},"m":[${items.map(({ text }) => text).join(',')}]}`
}

/** Returns the message that tells of a parcel. */
export function encodeParcelNotice(from: string, parcel: string): string {
  return `{"v":${version},"f":${JSON.stringify(from)},"p":${JSON.stringify(parcel)}}`
}

/** Returns true when the envelope has room for another item beside those that take `bytes`. */
export function hasRoom(bytes: number, count: number, item: EncodedItem): boolean {
  return count < mostItems && bytes + item.bytes + count + frameBytes / 2 <= maxEnvelopeBytes
}

/** Returns the envelope in a text, or why it is none. */
export function decodeEnvelope(text: string): Envelope | ParcelNotice | Refusal {
  if (text.length > maxEnvelopeBytes) return 'too-large'
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'malformed'
  }
  if (!isRecord(json)) return 'malformed'
  const { v, f, m, p } = json
  if (typeof v === 'number' && v > version) return 'unknown-version'
  if (v !== version || !isName(f)) return 'malformed'
  if (isName(p)) return { from: f, parcel: p }
  if (!Array.isArray(m)) return 'malformed'
  if (m.length > mostItems) return 'too-many'
  const items = m.map(itemOf)
  return items.includes(undefined) ? 'malformed' : { from: f, items: items as Item[] }
}

function itemOf(given: unknown): Item | undefined {
  if (!isRecord(given) || !Object.hasOwn(given, 'b')) return undefined
  const { k: kind, i: id, b } = given
  const body = b as JsonValue
  if (kind === 'tell') return { kind, body }
  if ((kind !== 'ask' && kind !== 'answer' && kind !== 'error') || typeof id !== 'string' || id.length > 64) return undefined
  return { kind, id, body }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
