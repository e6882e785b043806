/** The data directory of a parent: a folder for each shard, and the file that says so. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BeamClawError, type NodeRef } from '@beamclaw/core'
import type { KeepOwners } from './shard-table.ts'
import { allShards, folderOfShard, shardCount } from './shards.ts'

/** The file that says that a directory is split, and who had what last. */
export const manifestName = 'shards.json'

/** The folder of the shards. */
export const shardsName = 'shards'

/** In the folder of the shards: says that they are whole, and that the old layout may still be beside them. No key has such a name. */
export const splitMarkName = '.split.json'

const format = 1

/**
 * Returns true for a data directory that workers have split into shards: a process that takes it for a plain one would find nothing in it.
 *
 * @example
 * if (isSharded('./data')) throw new Error('start it with --workers')
 */
export function isSharded(path: string): boolean {
  return existsSync(join(path, manifestName)) || isSplitUnfinished(path)
}

/** Returns true for a directory whose shards are whole, while the old layout is not out of the way yet. */
export function isSplitUnfinished(path: string): boolean {
  return existsSync(join(path, shardsName, splitMarkName))
}

/**
 * Returns the directory of one shard.
 *
 * @example
 * new FsStore({ path: shardPath('./data', shard) })
 */
export function shardPath(path: string, shard: number): string {
  return join(path, shardsName, folderOfShard(shard))
}

/**
 * Throws `invalid-option` for a directory with sessions of a single process, which would be hidden, and for one that another version has split otherwise.
 * Changes nothing.
 */
export function checkForWorkers(path: string): void {
  if (existsSync(join(path, manifestName))) return checkManifest(join(path, manifestName))
  if (isSharded(path) || !existsSync(path)) return
  // What begins with a dot is no data of a store; the folders alone were left by a start that was interrupted before its file was there.
  const others = readdirSync(path).filter((name) => !name.startsWith('.') && name !== shardsName)
  if (others.length === 0) return
  const advice = 'Split it with "beamclaw workers split", name an empty directory, or start without workers'
  throw new BeamClawError('invalid-option', `${path} has data of a single process (${others.slice(0, 3).join(', ')}). ${advice}`)
}

/** Makes the folders of the shards where there are none yet. Throws as `checkForWorkers` does. */
export function prepareShards(path: string): void {
  checkForWorkers(path)
  if (isSharded(path)) return
  for (const shard of allShards) mkdirSync(shardPath(path, shard), { recursive: true })
  keepShards(path)(allShards.map(() => null))
}

function checkManifest(file: string): void {
  let manifest: { readonly format?: unknown; readonly shards?: unknown }
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as typeof manifest
  } catch (cause) {
    throw new BeamClawError('invalid-option', `${file} cannot be read. Restore it from a backup`, { cause })
  }
  if (manifest?.format === format && manifest.shards === shardCount) return
  throw new BeamClawError('invalid-option', `${file} is of another version: expected format ${format} with ${shardCount} shards`)
}

/** Returns the text of the file for a map of shards. */
export function manifestText(owners: readonly (NodeRef | null)[]): string {
  return `${JSON.stringify({ format, shards: shardCount, owners: owners.map(ownerText) })}\n`
}

/** Returns what writes the map of shards durably, before it returns: a parent holds no session that would have to wait. */
export function keepShards(path: string): KeepOwners {
  return (owners) => {
    const [file, temporary] = [join(path, manifestName), join(path, `.${manifestName}.${process.pid}`)]
    const descriptor = openSync(temporary, 'w')
    try {
      writeSync(descriptor, manifestText(owners))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, file)
    syncDirectory(dirname(file))
  }
}

function ownerText(owner: NodeRef | null): string | null {
  return owner === null ? null : `${owner.id}/${owner.incarnation}`
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
