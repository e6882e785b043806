/** One record of a log as one line of JSON that ends in its own checksum, and back. */
import { crc32 } from 'node:zlib'
import type { JsonObject } from '@beamclaw/core'
import type { EncodedLogEntry } from '@beamclaw/core/adapter'

/** A record whose data is JSON text already, so the caller may change the original object. */
export interface EncodedRecord {
  readonly seq: number
  readonly id: string
  /** The middle of the line, from the type to the time. */
  readonly head: string
  readonly data: string
}

/** A line of a segment with the property names of the file. */
export interface Line {
  readonly s: number
  /** Generation of the segment. */
  readonly g: number
  readonly t: string
  readonly id: string
  readonly ts: number
  /** Number of unsynced bytes before this line when it was written; absent for 0. */
  readonly b?: number
  readonly d: JsonObject
}

/** The first characters of every line. */
export const recordStart = '{"s":'

// `,"c":"` then eight digits then `"}`
const checksumPrefix = ',"c":"'
const tailBytes = checksumPrefix.length + 8 + 2
const newline = 0x0a
const longestText = 4 * 1024 * 1024

/** Prepares a record for `encodeLines`. */
export function encodeRecord({ seq, type, id, ts, json }: EncodedLogEntry): EncodedRecord {
  return { seq, id, head: `"t":${JSON.stringify(type)},"id":${JSON.stringify(id)},"ts":${ts}`, data: json }
}

/**
 * Returns the lines of records that are written together. `unsynced` counts the bytes before them that were never synced. A line that was not
 * written right after a synced byte records that number, which tells a torn write from a record that was damaged after it was durable.
 */
export function encodeLines(records: readonly EncodedRecord[], generation: number, unsynced: number): Buffer {
  const pieces: Buffer[] = []
  let text = ''
  let distance = unsynced
  for (const { seq, head, data } of records) {
    const apart = distance === 0 ? '' : `,"b":${distance}`
    const body = `${recordStart}${seq},"g":${generation},${head}${apart},"d":${data}`
    const line = `${body}${checksumPrefix}${crc32(body).toString(16).padStart(8, '0')}"}\n`
    text += line
    if (records.length > 1) distance += Buffer.byteLength(line)
    // The longest string is about half a gigabyte.
    if (text.length > longestText) {
      pieces.push(Buffer.from(text))
      text = ''
    }
  }
  const last = Buffer.from(text)
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
}

/** Returns the line from `start` to `end` (its newline, exclusive), or undefined when the checksum does not match. */
export function parseLine(bytes: Buffer, start: number, end: number): Line | undefined {
  const bodyEnd = end - tailBytes
  if (bodyEnd <= start || readChecksum(bytes, bodyEnd) !== crc32(bytes.subarray(start, bodyEnd))) return undefined
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as Line
  } catch {
    return undefined
  }
}

/** Returns where the line that starts at `start` ends; -1 when its newline is missing. */
export function lineEnd(bytes: Buffer, start: number): number {
  return bytes.indexOf(newline, start)
}

/** Returns the checksum at the end of a line; -1 when it is not well-formed. */
function readChecksum(bytes: Buffer, start: number): number {
  const digits = start + checksumPrefix.length
  for (let index = 0; index < checksumPrefix.length; index++) if (bytes[start + index] !== checksumPrefix.charCodeAt(index)) return -1
  if (bytes[digits + 8] !== 0x22 || bytes[digits + 9] !== 0x7d) return -1
  let value = 0
  for (let index = digits; index < digits + 8; index++) {
    const digit = bytes[index] ?? 0
    if (digit >= 0x30 && digit <= 0x39) value = value * 16 + digit - 0x30
    else if (digit >= 0x61 && digit <= 0x66) value = value * 16 + digit - 0x57
    else return -1
  }
  return value
}
