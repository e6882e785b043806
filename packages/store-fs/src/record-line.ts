/** One record of a log as one line of JSON that ends in its own checksum, and back. */
import { crc32 } from 'node:zlib'
import type { JsonObject, LogRecord } from '@beamclaw/core'

/** A record whose data is JSON text already, so that the caller may change the object it came from. */
export interface EncodedRecord {
  readonly seq: number
  readonly id: string
  /** The middle of the line: from the type to the time. */
  readonly head: string
  readonly data: string
}

/** A line of a segment, read back. */
export interface ParsedLine {
  readonly record: LogRecord
  readonly generation: number
  /** Bytes between the place that was durable when this line was written and the line. */
  readonly unsynced: number
}

interface RawLine {
  readonly s: number
  readonly g: number
  readonly t: string
  readonly id: string
  readonly ts: number
  readonly b?: number
  readonly d: JsonObject
}

// `,"c":"` then eight digits then `"}`
const checksumPrefix = ',"c":"'
const tailBytes = checksumPrefix.length + 8 + 2
const newline = 0x0a
const longestText = 4 * 1024 * 1024

/** Prepares a record for `encodeLines`. */
export function encodeRecord({ seq, type, id, ts }: LogRecord, data: string): EncodedRecord {
  return { seq, id, head: `"t":${JSON.stringify(type)},"id":${JSON.stringify(id)},"ts":${ts}`, data }
}

/**
 * The lines of records that are written together. `unsynced` counts the bytes before them that were never synced; each line that
 * was not written right after a synced place says so, which tells a torn write from a record that went bad after it was durable.
 */
export function encodeLines(records: readonly EncodedRecord[], generation: number, unsynced: number): Buffer {
  const pieces: Buffer[] = []
  let text = ''
  let distance = unsynced
  for (const { seq, head, data } of records) {
    const apart = distance === 0 ? '' : `,"b":${distance}`
    const body = `{"s":${seq},"g":${generation},${head}${apart},"d":${data}`
    const line = `${body}${checksumPrefix}${crc32(body).toString(16).padStart(8, '0')}"}\n`
    text += line
    if (records.length > 1) distance += Buffer.byteLength(line)
    // One string cannot hold more than half a gigabyte.
    if (text.length > longestText) {
      pieces.push(Buffer.from(text))
      text = ''
    }
  }
  const last = Buffer.from(text)
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
}

/** The record between `start` and `end` (its newline, exclusive), or undefined when the bytes are not what was written. */
export function parseLine(bytes: Buffer, start: number, end: number): ParsedLine | undefined {
  const bodyEnd = end - tailBytes
  if (bodyEnd <= start || readChecksum(bytes, end - 10) !== crc32(bytes.subarray(start, bodyEnd))) return undefined
  try {
    const { s, g, t, id, ts, b, d } = JSON.parse(bytes.toString('utf8', start, end)) as RawLine
    return { record: { seq: s, type: t, id, ts, data: d }, generation: g, unsynced: b ?? 0 }
  } catch {
    return undefined
  }
}

/** Where the line that starts at `start` ends; -1 when its newline is missing. */
export function lineEnd(bytes: Buffer, start: number): number {
  return bytes.indexOf(newline, start)
}

function readChecksum(bytes: Buffer, start: number): number {
  let value = 0
  for (let index = start; index < start + 8; index++) {
    const digit = bytes[index] ?? 0
    if (digit >= 0x30 && digit <= 0x39) value = value * 16 + digit - 0x30
    else if (digit >= 0x61 && digit <= 0x66) value = value * 16 + digit - 0x57
    else return -1
  }
  return value
}
