/** One line of the write-ahead log and of an own file: JSON that ends in its own checksum, and whose head can be checked alone. */
import { crc32 } from 'node:zlib'
import type { FencingToken } from '@beamclaw/core'
import type { EncodedLogEntry } from '@beamclaw/core/adapter'

/** `drop` is a snapshot whose records are dropped; `deleted` says that the log ends here. */
export type LineKind = 'record' | 'snapshot' | 'drop' | 'deleted'

/** The key of a log as a line has it. `hash` is the CRC-32 of `json`. */
export interface LineKey {
  readonly json: string
  readonly hash: number
}

/** A line without its end, so that the group that it becomes part of can still mark it. */
export interface EncodedLine {
  readonly body: string
  readonly crc: number
}

/** What an owner's line says of its owner: written with its first line, and again at times, so that a reader from the end finds it soon. */
export interface OwnerFields {
  readonly token: FencingToken
  /** Seq of the newest snapshot. */
  readonly snapshotSeq: number
}

/** The head of a line. */
export interface LineHead {
  readonly kind: LineKind
  readonly seq: number
  /** The JSON text of the key, one character for each byte. */
  readonly key: string
  readonly owner: OwnerFields | undefined
}

/** Whose line a damaged one is. */
export type LineProof = Pick<LineHead, 'kind' | 'seq' | 'key'>

/** The first characters of every line. */
export const lineStart = '{"s":'

const kinds: readonly LineKind[] = ['record', 'snapshot', 'drop', 'deleted']
const kindOfProperty = new Map<string, LineKind>([
  ['"t":', 'record'],
  ['"sna', 'snapshot'],
  ['"dro', 'drop'],
  ['"del', 'deleted'],
])
const syncMark = ',"y":1'
const checksumPrefix = ',"c":"'
const tailBytes = checksumPrefix.length + 8 + 2
const newline = 0x0a

/** Returns the key of a log as its lines have it. */
export function lineKey(key: readonly string[]): LineKey {
  const json = JSON.stringify(key)
  return { json, hash: crc32(json) }
}

/** Returns a number that depends on each bit of a head: it tells whose line a damaged one is. */
function headMark(keyHash: number, seq: number, kind: LineKind): string {
  const mixed = keyHash ^ Math.imul(seq >>> 0, 0x9e3779b1) ^ Math.imul(Math.floor(seq / 2 ** 32), 0x85ebca6b)
  return hex(mixed ^ Math.imul(kinds.indexOf(kind) + 1, 0x27d4eb2f))
}

/** Returns the line of a record. */
export function encodeRecordLine(key: LineKey, record: EncodedLogEntry, owner: OwnerFields | undefined): EncodedLine {
  const { seq, type, id, ts, json } = record
  return sealText(`${head(key, seq, 'record', owner)},"t":${JSON.stringify(type)},"id":${JSON.stringify(id)},"ts":${ts},"d":${json}`)
}

/** Returns the line of a snapshot whose state is JSON text already. */
export function encodeSnapshotLine(key: LineKey, seq: number, stateJson: string, owner: OwnerFields, isDrop: boolean): EncodedLine {
  const start = head(key, seq, isDrop ? 'drop' : 'snapshot', owner)
  return sealText(`${start}${isDrop ? ',"dropped":true' : ''},"snapshot":${stateJson}`)
}

/** Returns the line that ends a log. */
export function encodeDeletedLine(key: LineKey, seq: number): EncodedLine {
  return sealText(`${head(key, seq, 'deleted', undefined)},"deleted":true`)
}

/** Returns a whole line. The first line of a group is marked: whatever is before it in the file was durable when it was written. */
export function finishLine({ body, crc }: EncodedLine, isFirstOfGroup: boolean): string {
  if (!isFirstOfGroup) return `${body}${checksumPrefix}${hex(crc)}"}\n`
  return `${body}${syncMark}${checksumPrefix}${hex(crc32(syncMark, crc))}"}\n`
}

/** Returns a line of other JSON, an object, with a checksum at its end. */
export function encodeOtherLine(value: object): string {
  return finishLine(sealText(JSON.stringify(value).slice(0, -1)), false)
}

/** Returns where the line that starts at `start` ends (its newline); -1 when the newline is missing. */
export function lineEnd(bytes: Buffer, start: number): number {
  return bytes.indexOf(newline, start)
}

/** Returns true when the line from `start` to `end` (its newline, exclusive) matches its checksum. */
export function isIntact(bytes: Buffer, start: number, end: number): boolean {
  const bodyEnd = end - tailBytes
  return bodyEnd > start && readChecksum(bytes, bodyEnd) === crc32(bytes.subarray(start, bodyEnd))
}

/** Returns true when an intact line is the first of its group. */
export function isFirstOfGroup(bytes: Buffer, end: number): boolean {
  return hasText(bytes, end - tailBytes - syncMark.length, syncMark)
}

/** Returns the head of a line, or undefined for bytes that do not have the shape of one. Checks no checksum. */
export function readHead(bytes: Buffer, start: number, end: number): LineHead | undefined {
  if (!hasText(bytes, start, lineStart)) return undefined
  let at = start + lineStart.length
  let seq = 0
  for (let digit = bytes[at] ?? 0; digit >= 0x30 && digit <= 0x39; digit = bytes[++at] ?? 0) seq = seq * 10 + (digit - 0x30)
  if (!hasText(bytes, at, ',"k":[')) return undefined
  const keyStart = at + 5
  at = endOfKey(bytes, keyStart, end)
  if (at < 0 || !hasText(bytes, at, ',"h":"')) return undefined
  const key = bytes.toString('latin1', keyStart, at)
  at += 6 + 8 + 1
  let owner: OwnerFields | undefined
  if (hasText(bytes, at, ',"e":')) {
    const found = readOwner(bytes, at, end)
    if (found === undefined) return undefined
    owner = found.owner
    at = found.next
  }
  const kind = kindOfProperty.get(bytes.toString('latin1', at + 1, at + 5))
  return kind === undefined || bytes[at] !== 0x2c ? undefined : { kind, seq, key, owner }
}

/**
 * Returns the key (one character for each byte), seq and kind of a damaged line whose head can be proven by its mark, also when one bit of the head is wrong;
 * undefined when nothing is proven.
 */
export function proveHead(bytes: Buffer, start: number, end: number): LineProof | undefined {
  const copy = Buffer.from(bytes.subarray(start, Math.min(end, start + 16_384)))
  const whole = provenHead(copy)
  if (whole !== undefined) return whole
  const mark = copy.indexOf(',"h":"')
  const bits = Math.min(copy.length, mark < 0 ? 256 : mark + 16) * 8
  for (let bit = 0; bit < bits; bit++) {
    const index = bit >> 3
    copy[index] = (copy[index] ?? 0) ^ (1 << (bit & 7))
    const found = provenHead(copy)
    if (found !== undefined) return found
    copy[index] = (copy[index] ?? 0) ^ (1 << (bit & 7))
  }
  return undefined
}

function provenHead(bytes: Buffer): LineProof | undefined {
  if (!hasText(bytes, 0, lineStart)) return undefined
  let at = lineStart.length
  let seq = 0
  for (let digit = bytes[at] ?? 0; digit >= 0x30 && digit <= 0x39; digit = bytes[++at] ?? 0) seq = seq * 10 + (digit - 0x30)
  if (!hasText(bytes, at, ',"k":[')) return undefined
  const keyEnd = endOfKey(bytes, at + 5, bytes.length)
  if (keyEnd < 0 || !hasText(bytes, keyEnd, ',"h":"')) return undefined
  const mark = bytes.toString('latin1', keyEnd + 6, keyEnd + 14)
  const key = bytes.subarray(at + 5, keyEnd)
  const hash = crc32(key)
  const kind = kinds.find((one) => headMark(hash, seq, one) === mark)
  return kind === undefined ? undefined : { key: key.toString('latin1'), seq, kind }
}

function head(key: LineKey, seq: number, kind: LineKind, owner: OwnerFields | undefined): string {
  const start = `${lineStart}${seq},"k":${key.json},"h":"${headMark(key.hash, seq, kind)}"`
  if (owner === undefined) return start
  const { token, snapshotSeq } = owner
  return `${start},"e":${token.epoch},"n":${JSON.stringify(token.nonce)}${snapshotSeq > 0 ? `,"p":${snapshotSeq}` : ''}`
}

/** Returns a line of any JSON object, given without its last brace. */
export function sealText(body: string): EncodedLine {
  return { body, crc: crc32(body) }
}

function readOwner(bytes: Buffer, start: number, end: number): { owner: OwnerFields; next: number } | undefined {
  // A nonce is short as a rule; one that is not needs as many bytes as it has.
  for (let length = 256; ; length *= 4) {
    const text = bytes.toString('utf8', start, Math.min(end, start + length))
    const match = /^,"e":(-?[0-9]+),"n":("(?:[^"\\]|\\.)*")(?:,"p":([0-9]+))?,"/.exec(text)
    if (match !== null) {
      const [whole, epoch = '', nonce = '', snapshotSeq = '0'] = match
      const owner = { token: { epoch: Number(epoch), nonce: JSON.parse(nonce) as string }, snapshotSeq: Number(snapshotSeq) }
      return { owner, next: start + Buffer.byteLength(whole) - 2 }
    }
    if (start + length >= end) return undefined
  }
}

function endOfKey(bytes: Buffer, start: number, end: number): number {
  let isText = false
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]
    if (byte === 0x22) isText = !isText
    else if (byte === 0x5c) at += 1
    else if (byte === 0x5d && !isText) return at + 1
    else if (byte === newline) return -1
  }
  return -1
}

function hasText(bytes: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false
  return true
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}

/** Returns the checksum at the end of a line; -1 when it is not well-formed. */
function readChecksum(bytes: Buffer, start: number): number {
  const digits = start + checksumPrefix.length
  if (!hasText(bytes, start, checksumPrefix) || bytes[digits + 8] !== 0x22 || bytes[digits + 9] !== 0x7d) return -1
  let value = 0
  for (let index = digits; index < digits + 8; index++) {
    const digit = bytes[index] ?? 0
    if (digit >= 0x30 && digit <= 0x39) value = value * 16 + digit - 0x30
    else if (digit >= 0x61 && digit <= 0x66) value = value * 16 + digit - 0x57
    else return -1
  }
  return value
}
