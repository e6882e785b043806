/** The content of intact lines. */
import type { JsonObject, JsonValue, LogEntry, LogSnapshot } from '@beamclaw/core'
import type { LineHead } from './wal-line.ts'

interface RecordFields {
  readonly s: number
  readonly t: string
  readonly id: string
  readonly ts: number
  readonly d: JsonObject
}

/** Returns the record of an intact line. */
export function parseRecord(bytes: Buffer, start: number, end: number): LogEntry {
  const { s, t, id, ts, d } = JSON.parse(bytes.toString('utf8', start, end)) as RecordFields
  return { seq: s, type: t, id, ts, data: d }
}

/** Returns the snapshot of an intact line. */
export function parseSnapshot(bytes: Buffer, start: number, end: number): LogSnapshot {
  const { s, snapshot } = JSON.parse(bytes.toString('utf8', start, end)) as { readonly s: number; readonly snapshot: JsonValue }
  return { seq: s, state: snapshot }
}

/** Returns true when the head is that of a snapshot, with or without its records. */
export function isSnapshotLine({ kind }: Pick<LineHead, 'kind'>): boolean {
  return kind === 'snapshot' || kind === 'drop'
}

/** Returns the text of a key as a head has it: a head has one character for each byte. */
export function keyTextOf(key: string): string {
  return Buffer.from(key, 'latin1').toString('utf8')
}
