/** Group commit: which waiting lines of all logs share one write and one sync. */
import type { BeamClawError } from '@beamclaw/core'
import type { LogState } from './log-state.ts'
import { type EncodedLine, finishLine, type LineKind, type OwnerFields } from './wal-line.ts'

/** Lines of one log that a caller waits for. */
export interface WalItem {
  readonly state: LogState
  readonly kind: LineKind
  readonly firstSeq: number
  readonly lastSeq: number
  readonly lines: readonly EncodedLine[]
  /** Characters of the lines, about. */
  readonly size: number
  /** What the newest line that names the owner says of it. */
  readonly owner: OwnerFields | undefined
  readonly resolve: () => void
  readonly reject: (error: BeamClawError) => void
}

// A group takes items up to about this many characters.
const largestGroup = 8 * 1024 * 1024
// The longest string is about half a gigabyte.
const longestText = 16 * 1024 * 1024

/** Removes and returns the first items of `queue` that fit a group: at least one, unless there is none. */
export function takeGroup(queue: WalItem[]): WalItem[] {
  let size = 0
  let count = 0
  while (count < queue.length && size < largestGroup) size += queue[count++]?.size ?? 0
  return queue.splice(0, count)
}

/** Removes and returns the deletions of `queue`. Nothing else of their logs waits: handles are fenced first. */
export function takeDeletions(queue: WalItem[]): WalItem[] {
  const deletions = queue.filter(({ kind }) => kind === 'deleted')
  queue.splice(0, queue.length, ...queue.filter(({ kind }) => kind !== 'deleted'))
  return deletions
}

/** Returns the bytes of a group, and how many of them each item has. `isSynced`: whatever is before the group in its file is durable. */
export function encodeGroup(group: readonly WalItem[], isSynced: boolean): { readonly bytes: Buffer; readonly lengths: readonly number[] } {
  const pieces: Buffer[] = []
  const lengths: number[] = []
  let text = ''
  let characters = 0
  let isFirst = isSynced
  for (const { lines } of group) {
    let length = 0
    for (const encoded of lines) {
      const line = finishLine(encoded, isFirst)
      isFirst = false
      length += line.length
      text += line
      if (text.length > longestText) {
        pieces.push(Buffer.from(text))
        text = ''
      }
    }
    characters += length
    lengths.push(length)
  }
  pieces.push(Buffer.from(text))
  const bytes = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
  // Most text is ASCII, where each character is a byte.
  return { bytes, lengths: bytes.length === characters ? lengths : group.map((item, index) => bytesOf(item, isSynced && index === 0)) }
}

function bytesOf({ lines }: WalItem, isFirst: boolean): number {
  return lines.reduce((sum, line, index) => sum + Buffer.byteLength(finishLine(line, isFirst && index === 0)), 0)
}
