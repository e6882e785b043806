/** Decides when a journal is due for a snapshot, by what was written since the last one in all lives of the session. Pure. */

/** How far a journal is: its records, and about the bytes that they take. */
export interface JournalPosition {
  readonly seq: number
  readonly bytes: number
}

/** `work`: the session is idle after its work. `rest`: it falls asleep, so its next load reads what was written since. */
export type SnapshotTime = 'work' | 'rest'

const dueAfter: Readonly<Record<SnapshotTime, JournalPosition>> = {
  work: { seq: 200, bytes: 256 * 1024 },
  rest: { seq: 50, bytes: 64 * 1024 },
}

/** Returns true when enough was written between the last snapshot and now. */
export function isSnapshotDue(last: JournalPosition, now: JournalPosition, time: SnapshotTime): boolean {
  return now.seq - last.seq >= dueAfter[time].seq || now.bytes - last.bytes >= dueAfter[time].bytes
}
