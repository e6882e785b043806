/** Decides when a journal is due for a snapshot, by what was written since the last one in all lives of the session. */
import type { JsonValue } from '../../base/messages.ts'
import type { LogEntry } from '../../ports/store.ts'

/** Records since the last snapshot, and their estimated bytes. */
export interface SinceSnapshot {
  readonly records: number
  readonly bytes: number
}

/** `work`: the session is idle after its work. `rest`: it falls asleep or is stopped, so its next load reads what was written since. */
export type SnapshotTime = 'work' | 'rest'

const dueFrom: Readonly<Record<SnapshotTime, SinceSnapshot>> = {
  work: { records: 200, bytes: 256 * 1024 },
  rest: { records: 50, bytes: 64 * 1024 },
}

export const nothingSince: SinceSnapshot = { records: 0, bytes: 0 }

export function isSnapshotDue(since: SinceSnapshot, time: SnapshotTime): boolean {
  return since.records >= dueFrom[time].records || since.bytes >= dueFrom[time].bytes
}

/** Returns the sum with more records. */
export function withRecords({ records, bytes }: SinceSnapshot, more: readonly Pick<LogEntry, 'data'>[]): SinceSnapshot {
  let added = 0
  for (const { data } of more) added += bytesPerRecord + sizeOf(data)
  return { records: records + more.length, bytes: bytes + added }
}

/** About the head of a record: its number, type, id and time. */
const bytesPerRecord = 64

/** Estimates the bytes of a value as JSON, without making the text. */
function sizeOf(value: JsonValue | undefined): number {
  if (typeof value === 'string') return value.length + 3
  if (typeof value !== 'object' || value === null) return 6
  let size = 2
  if (Array.isArray(value)) for (const element of value as readonly JsonValue[]) size += sizeOf(element)
  else for (const [name, element] of Object.entries(value)) size += name.length + 4 + sizeOf(element)
  return size
}
