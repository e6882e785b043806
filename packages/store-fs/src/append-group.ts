/** The operations that wait for a log, and group commit: which waiting appends share one write and one sync. */
import type { BeamClawError } from '@beamclaw/core'
import type { EncodedRecord } from './record-line.ts'

/** Records that a caller waits for. */
export interface Append {
  readonly records: readonly EncodedRecord[]
  readonly resolve: () => void
  readonly reject: (error: BeamClawError) => void
}

/** A read or compaction, which must not overlap with a write. */
export interface Task {
  readonly run: () => Promise<void>
  readonly reject: (error: BeamClawError) => void
}

// A group takes appends up to about this many characters.
const largestGroup = 8 * 1024 * 1024

/** Removes and returns the appends at the head of `queue` that follow `lastSeq` and one another; empty when the first operation is a task or a gap. */
export function takeGroup(queue: (Append | Task)[], lastSeq: number): Append[] {
  const group: Append[] = []
  let next = lastSeq + 1
  let size = 0
  for (const operation of queue) {
    if ('run' in operation || size > largestGroup) break
    const { records } = operation
    if (records[0] !== undefined && records[0].seq !== next) break
    group.push(operation)
    next += records.length
    for (const { data } of records) size += data.length
  }
  queue.splice(0, group.length)
  return group
}
