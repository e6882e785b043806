/** Records and headers as the text of list elements. */
import type { JsonObject, LogEntry } from '@beamclaw/core'
import type { EncodedLogEntry } from '@beamclaw/core/adapter'
import { logCorrupt } from './failures.ts'
import type { RedisReply } from './redis-client.ts'

/** Returns a record as one element of its list. */
export function encodeRecord({ seq, type, id, ts, json }: EncodedLogEntry): string {
  return `{"s":${seq},"t":${JSON.stringify(type)},"i":${JSON.stringify(id)},"ts":${ts},"d":${json}}`
}

/** Returns the first element of a list: `base` is the seq of the last record that was dropped. */
export function encodeHeader(base: number): string {
  return `{"v":1,"base":${base}}`
}

/** Returns the seq of the last record that was dropped. Throws `log-corrupt` for what is no header. */
export function baseOf(header: unknown): number {
  const base = (parsed(header, 'the header of a log') as { readonly base?: unknown }).base
  if (Number.isSafeInteger(base) && (base as number) >= 0) return base as number
  throw logCorrupt(`${String(header).slice(0, 100)} is no header of a log`)
}

/** Returns the record with this seq. Throws `log-corrupt` for anything else. */
function decodeRecord(element: unknown, expectedSeq: number): LogEntry {
  const { s, t, i, ts, d } = parsed(element, `record ${expectedSeq}`) as Readonly<Record<'s' | 't' | 'i' | 'ts' | 'd', unknown>>
  if (s !== expectedSeq) throw logCorrupt(`seq ${String(s)} stands in the place of ${expectedSeq}`)
  return { seq: expectedSeq, type: t as string, id: i as string, ts: ts as number, data: d as JsonObject }
}

/** Returns JSON text as a value. Throws `log-corrupt`. */
function parsed(element: unknown, what: string): unknown {
  try {
    const value = JSON.parse(String(element)) as unknown
    if (typeof value === 'object' && value !== null) return value
  } catch (error) {
    throw logCorrupt(`${what} is not JSON`, error)
  }
  throw logCorrupt(`${what} is no object`)
}

/** A part of a list, as it was at one moment. */
export interface ListPart {
  /** Elements of the whole list, its header included. */
  readonly length: number
  readonly base: number
  readonly lastSeq: number
  readonly records: readonly LogEntry[]
  /** Characters of the records. */
  readonly size: number
}

/** Returns the reply of the page script; undefined when the list is not there. Throws `log-corrupt`. */
export function decodePart(reply: RedisReply, fromSeq: number): ListPart | undefined {
  const [length, header, ...elements] = reply as readonly [number, ...string[]]
  if (length === 0) return undefined
  const base = baseOf(header)
  const firstSeq = Math.max(fromSeq, base + 1)
  const records = elements.map((element, index) => decodeRecord(element, firstSeq + index))
  const size = elements.reduce((sum, element) => sum + element.length, 0)
  return { length, base, lastSeq: base + length - 1, records, size }
}
