/** Looks at the end of an own file: up to where it counts, and what its newest lines say of the log. */
import { BeamClawError, type FencingToken } from '@beamclaw/core'
import { readAt, scanBackwards } from './backward-scan.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { type Extent, firstRecordOf, type LogState } from './log-state.ts'
import { isOwnHeader, noOwnFile, type OpenOwnFile, openOwnFile } from './own-file.ts'
import { isSnapshotLine, keyTextOf } from './parsed-line.ts'
import { isIntact, type LineHead, proveHead, readHead } from './wal-line.ts'

/** Reads the line of an extent. */
export type ReadOne = (extent: Extent) => Promise<Buffer>

interface Tail {
  readonly lastSeq: number
  readonly token: FencingToken | undefined
  readonly snapshotSeq: number
}

/**
 * Fills what the lines in memory do not say: `own`, `lastSeq`, `token` and `snapshotSeq`. `readExtent` reads lines of the write-ahead log. Rejects
 * `log-corrupt` when the end of the file is damaged, or is not the log's.
 */
export async function loadTail(fileSystem: FileSystem, state: LogState, readExtent: ReadOne): Promise<void> {
  if (state.damage !== undefined) throw state.damage
  // One look at a time: a move may change the file once it has been looked at.
  state.loading ??= load(fileSystem, state, readExtent).finally(() => {
    state.loading = undefined
  })
  await state.loading
}

/**
 * Prepares a log for a move, also a damaged one: its lines go behind whatever is in its own file, and stay as bad as they are.
 */
export async function loadForMove(fileSystem: FileSystem, state: LogState, readExtent: ReadOne): Promise<void> {
  try {
    await loadTail(fileSystem, state, readExtent)
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
    // Once `own` is known nothing looks at the file again, and the log must stay refused.
    state.damage ??= error
    if (state.own !== undefined) return
    const opened = await openOwnFile(fileSystem, state.path)
    if (opened === undefined) state.own = noOwnFile
    else {
      state.own = { generation: opened.generation, bytes: opened.size, lastSeq: 0 }
      await fileSystem.close(opened.descriptor)
    }
  }
}

async function load(fileSystem: FileSystem, state: LogState, readExtent: ReadOne): Promise<void> {
  if (state.isOwnFileStale) state.own = noOwnFile
  if (state.own !== undefined) return
  const opened = await openOwnFile(fileSystem, state.path)
  try {
    const file = opened === undefined ? undefined : await measure(fileSystem, state, opened, readExtent)
    const first = firstRecordOf(state.extents)
    const last = file?.tail?.lastSeq ?? 0
    const needed = first === undefined ? lastSnapshotOf(state.extents) : first - 1
    if (needed > last && needed > state.droppedSeq)
      throw logCorrupt(opened?.file ?? `${state.path}.log.jsonl`, file?.bytes ?? 0, `records ${last + 1} to ${needed} are missing`)
    state.own = opened === undefined || file === undefined ? noOwnFile : { generation: opened.generation, bytes: file.bytes, lastSeq: last }
    // The own file may have been cut back to before the snapshot that dropped all of it.
    state.lastSeq ??= Math.max(last, state.droppedSeq)
    state.token ??= file?.tail?.token
    state.snapshotSeq = Math.max(state.snapshotSeq ?? 0, file?.tail?.snapshotSeq ?? 0)
  } finally {
    if (opened !== undefined) await fileSystem.close(opened.descriptor)
  }
}

/** Returns the newest record that a snapshot in the extents is made of; 0 without one. */
function lastSnapshotOf(extents: readonly Extent[]): number {
  return extents.findLast(({ kind }) => kind === 'snapshot')?.lastSeq ?? 0
}

async function measure(
  fileSystem: FileSystem,
  state: LogState,
  opened: OpenOwnFile,
  readExtent: ReadOne,
): Promise<{ readonly bytes: number; readonly tail: Tail | undefined }> {
  const bytes = state.isReplayed ? await lengthBefore(fileSystem, state, opened, readExtent) : opened.size
  return { bytes, tail: await readTail(fileSystem, state, opened, bytes) }
}

interface SeenLine {
  readonly offset: number
  readonly head: LineHead | undefined
  /** The seq of the record that a damaged line provably is. */
  readonly lostSeq: number | undefined
}

/**
 * Returns the length of an own file before the lines that are in the write-ahead log too: what follows may never have been synced. Rejects `log-corrupt` when
 * a line that was synced is damaged.
 */
async function lengthBefore(
  fileSystem: FileSystem,
  { extents, lineKey }: LogState,
  { descriptor, size, file }: OpenOwnFile,
  readExtent: ReadOne,
): Promise<number> {
  const first = firstRecordOf(extents) ?? Number.POSITIVE_INFINITY
  // Without a record in the write-ahead log, one after the snapshot may be a torn copy of a line that was not synced there (`sync: os`).
  const surelySynced = first === Number.POSITIVE_INFINITY ? lastSnapshotOf(extents) : first - 1
  const later: SeenLine[] = []
  let length = 0
  await scanBackwards(fileSystem, descriptor, size, (bytes, start, end, offset) => {
    const isGood = isIntact(bytes, start, end)
    const head = isGood ? readHead(bytes, start, end) : undefined
    if ((head?.kind === 'record' && head.seq < first) || isOwnHeader(bytes, start, end, offset)) {
      length = offset + end - start + 1
      return true
    }
    const proof = isGood ? undefined : proveHead(bytes, start, end)
    const isRecord = proof?.kind === 'record' && keyTextOf(proof.key) === lineKey.json
    later.push({ offset, head, lostSeq: isRecord ? proof.seq : undefined })
    return false
  })
  const [moved] = extents
  const own = moved !== undefined && (moved.kind === 'snapshot' || moved.kind === 'drop') ? await readExtent(moved) : undefined
  for (let index = later.length - 1; index >= 0; index--) {
    const { offset, head, lostSeq } = later[index] as SeenLine
    if (lostSeq !== undefined && lostSeq <= surelySynced) throw damaged(file, offset)
    if (head === undefined || head.kind === 'record') return offset
    if (own?.equals(await readAt(fileSystem, descriptor, offset, own.length))) return offset
    length = later[index - 1]?.offset ?? size
  }
  return Math.min(length, size)
}

/** Reads backwards to the newest record and the newest line that names an owner. */
async function readTail(
  fileSystem: FileSystem,
  state: LogState,
  { descriptor, file }: OpenOwnFile,
  bytes: number,
): Promise<Tail | undefined> {
  let lastSeq: number | undefined
  let token: FencingToken | undefined
  let snapshotSeq = 0
  let damage: number | undefined
  await scanBackwards(fileSystem, descriptor, bytes, (block, start, end, offset) => {
    const head = isIntact(block, start, end) ? readHead(block, start, end) : undefined
    if (head === undefined) {
      const isHeader = isOwnHeader(block, start, end, offset)
      const proof = isIntact(block, start, end) ? undefined : proveHead(block, start, end)
      const isSnapshot = proof !== undefined && proof.kind === 'snapshot'
      // The newest record may be in it: nothing later says how many there are.
      if (!isHeader && !isSnapshot && lastSeq === undefined) damage ??= offset
      return false
    }
    if (keyTextOf(head.key) !== state.lineKey.json)
      throw logCorrupt(file, offset, `it holds the log of ${keyTextOf(head.key)}: the file was moved or copied`)
    if (head.kind === 'record') lastSeq ??= head.seq
    if (head.kind === 'drop') lastSeq = Math.max(lastSeq ?? 0, head.seq)
    if (isSnapshotLine(head)) snapshotSeq = Math.max(snapshotSeq, head.seq)
    if (head.owner !== undefined) {
      token ??= head.owner.token
      snapshotSeq = Math.max(snapshotSeq, head.owner.snapshotSeq)
    }
    return lastSeq !== undefined && token !== undefined
  })
  if (damage !== undefined) throw damaged(file, damage)
  return lastSeq === undefined && token === undefined ? undefined : { lastSeq: lastSeq ?? 0, token, snapshotSeq }
}

function damaged(file: string, offset: number): ReturnType<typeof logCorrupt> {
  return logCorrupt(file, offset, 'the record does not match its checksum')
}
