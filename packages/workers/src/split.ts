/** Splits the data directory of a single process into shards. */
import { existsSync, readdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { aBoolean, aFunction, anObject, anObjectWith, checkOptions, definedOnly } from '@beamclaw/core/adapter'
import {
  type DirectoryMeasure,
  divideDirectory,
  type HeldDirectory,
  lockDirectory,
  measureDivision,
  nodeFileSystem,
} from '@beamclaw/store-fs'
import { codeOf, makeFolder, removeTree } from './durable-files.ts'
import { isSharded, shardsName } from './shard-directory.ts'
import { allShards, folderOfShard, shardOfKey } from './shards.ts'
import { commitShards, finishSplit, newShardsName, oldLayoutName } from './split-finish.ts'
import type { SplitOptions, SplitProgress, SplitReport } from './split-options.ts'

/** Bytes that have to be free besides those of the copy: folders, and the first segments of sixteen write-ahead logs. */
const spareBytes = 16 * 1024 * 1024

/**
 * Splits a data directory that a single process has used into the shards of workers. All of it is copied; the old layout is not touched until the copy is
 * whole and durable, then one renaming makes the shards those of the directory, and the old layout goes to `unsplit.old`, which the user may delete. The lock of
 * the directory is held from the first to the last step. A split that was interrupted at any point is begun anew, or finished, by the next one; a start with
 * workers finishes it, too. Logs keep their epochs; the index of sessions is made anew by the next start.
 *
 * Rejects `invalid-option` (no data directory, or one that cannot be split), `store-locked` when a process uses it, `store-full` before anything is written when
 * there is not room enough, `log-corrupt` when nothing says whose lines of the write-ahead log are lost, and `store-io`.
 *
 * @example
 * const { bytes } = await splitDataDirectory('./data', { dryRun: true })
 * await splitDataDirectory('./data')
 */
export async function splitDataDirectory(path: string, options: SplitOptions = {}): Promise<SplitReport> {
  const rules = { dryRun: aBoolean, onProgress: aFunction, signal: anObjectWith('throwIfAborted'), fileSystem: anObject }
  checkOptions<SplitOptions>('splitDataDirectory', options, rules)
  const root = resolve(path)
  const listener = new ProgressListener(options.onProgress)
  try {
    if (options.dryRun === true) return isSharded(root) ? reportOf(root, 'nothing') : await plan(root, options)
    // The lock would make a directory that is not there.
    if (!existsSync(root)) await plan(root, options)
    const held = await lockDirectory({ path: root })
    try {
      return await split(root, options, held, listener)
    } finally {
      await held.release()
    }
  } catch (error) {
    if (listener.failure !== undefined) throw listener.failure.error
    if (BeamClawError.isInstance(error) || options.signal?.aborted === true) throw error
    const system = codeOf(error)
    const code = system === 'ENOSPC' || system === 'EDQUOT' ? 'store-full' : 'store-io'
    const problem = error instanceof Error ? error.message : String(error)
    throw new BeamClawError(code, `Splitting ${root} failed: ${problem}`, { cause: error, details: { system } })
  }
}

/** Tells the caller how far a split is, and remembers what the caller has thrown: no failure of the split may be made of it. */
class ProgressListener {
  readonly #onProgress: SplitOptions['onProgress']
  failure: { readonly error: unknown } | undefined

  constructor(onProgress: SplitOptions['onProgress']) {
    this.#onProgress = onProgress
  }

  tell(progress: SplitProgress): void {
    try {
      this.#onProgress?.(progress)
    } catch (error) {
      this.failure ??= { error }
      throw error
    }
  }
}

async function split(root: string, options: SplitOptions, held: HeldDirectory, listener: ProgressListener): Promise<SplitReport> {
  const { fileSystem = nodeFileSystem, signal } = options
  if (await finishSplit(fileSystem, root)) return reportOf(root, 'finished')
  if (isSharded(root)) return reportOf(root, 'nothing')
  const planned = await plan(root, options)
  const folder = join(root, newShardsName)
  await removeTree(fileSystem, folder)
  try {
    await makeFolder(fileSystem, folder)
    const copied = await divideDirectory({
      from: root,
      into: allShards.map((shard) => join(folder, folderOfShard(shard))),
      indexOf: shardOfKey,
      fileSystem,
      ...definedOnly({ signal }),
      onProgress: (progress) => listener.tell({ ...progress, ofBytes: planned.bytes }),
    })
    signal?.throwIfAborted()
    if (!(await held.isHeld()))
      throw new BeamClawError('store-locked', `${root} was taken by another process while this one stood still: nothing was split`)
    await commitShards(fileSystem, root)
    await finishSplit(fileSystem, root)
    return { ...planned, ...copied, outcome: 'split' }
  } catch (error) {
    // Past the point of no return there is no such folder any more.
    await removeTree(fileSystem, folder).catch(() => {})
    throw error
  }
}

/** Resolves with what a split would do. Rejects what it would reject before it writes anything. */
async function plan(root: string, { fileSystem = nodeFileSystem, signal }: SplitOptions): Promise<SplitReport> {
  const measure = await measureDivision({ from: root, fileSystem, ...definedOnly({ signal }) })
  checkNames(root)
  const { logs, documents, blobs, bytes, unknown } = measure
  const { bavail, bsize } = await statfs(root)
  const [neededBytes, freeBytes] = [neededFor(measure), bavail * bsize]
  const leftOut = unknown.filter((name) => name !== newShardsName).slice(0, 100)
  if (freeBytes < neededBytes) {
    const problem = `Splitting ${root} copies it first: that takes ${neededBytes} bytes, and ${freeBytes} are free on its disk`
    throw new BeamClawError('store-full', `${problem}. Nothing was done`, { details: { neededBytes, freeBytes } })
  }
  return { ...reportOf(root, 'planned'), logs, documents, blobs, bytes, neededBytes, freeBytes, leftOut }
}

function neededFor({ diskBytes }: DirectoryMeasure): number {
  return Math.ceil(diskBytes * 1.05) + spareBytes
}

/** Throws `invalid-option` for names that the split needs itself. */
function checkNames(root: string): void {
  if (existsSync(join(root, oldLayoutName))) {
    const advice = 'Delete it, or move it elsewhere'
    throw new BeamClawError('invalid-option', `${join(root, oldLayoutName)} is left of an earlier split. ${advice}`)
  }
  const folder = join(root, shardsName)
  const isFree = !existsSync(folder) || readdirSync(folder).every((name) => isEmptyShard(folder, name))
  if (!isFree) throw new BeamClawError('invalid-option', `${folder} is in the way: a tenant that is called "${shardsName}" cannot be split`)
}

function isEmptyShard(folder: string, name: string): boolean {
  return /^(?:0[0-9]|1[0-5])$/.test(name) && readdirSync(join(folder, name)).length === 0
}

function reportOf(root: string, outcome: SplitReport['outcome']): SplitReport {
  const nothing = { logs: 0, documents: 0, blobs: 0, bytes: 0, neededBytes: 0, freeBytes: 0 }
  return { outcome, ...nothing, oldLayout: join(root, oldLayoutName), leftOut: [], damaged: [], damagedFiles: 0 }
}
