/** The end of a split: shards that are whole take the place of the old layout. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FileSystem } from '@beamclaw/store-fs'
import { makeFolder, removeTree, syncFolder, writeFileDurably } from './durable-files.ts'
import { isSplitUnfinished, manifestName, manifestText, shardPath, shardsName, splitMarkName } from './shard-directory.ts'
import { allShards } from './shards.ts'

/** The folder for what was in the directory before; the user may delete it. A dot is in no name of a tenant. */
export const oldLayoutName = 'unsplit.old'

/** The folder in which shards are made. */
export const newShardsName = 'shards.new'

const kept: ReadonlySet<string> = new Set([manifestName, shardsName, newShardsName, oldLayoutName])

/** The lock, and files of a split and of a parent on their way to their names. Other names with a dot in front are the user's. */
const own = /^\.(?:lock|split|shards\.json)/

/** The write-ahead log goes first: a copy that is being made of the old layout cannot take it for whole then. */
const first = 'wal'

/** Makes the shards that were written the shards of the directory, in one step that a power cut does or does not undo. */
export async function commitShards(fileSystem: FileSystem, path: string): Promise<void> {
  const folder = join(path, newShardsName)
  await writeFileDurably(fileSystem, join(folder, splitMarkName), join(folder, `${splitMarkName}.new`), '{}\n')
  await removeEmptyShards(fileSystem, path)
  await fileSystem.rename(folder, join(path, shardsName))
  await syncFolder(fileSystem, path)
}

/**
 * Puts what is left of the old layout out of the way. Resolves with whether there was something to do; may be called again after it was interrupted at any
 * point. The caller has the lock of the directory.
 */
export async function finishSplit(fileSystem: FileSystem, path: string): Promise<boolean> {
  if (!isSplitUnfinished(path)) return false
  if (!existsSync(join(path, manifestName))) {
    const text = manifestText(allShards.map(() => null))
    await writeFileDurably(fileSystem, join(path, manifestName), join(path, `.${manifestName}.split`), text)
  }
  const old = join(path, oldLayoutName)
  await makeFolder(fileSystem, old)
  const names = (await fileSystem.list(path)).map(({ name }) => name).filter((name) => !own.test(name) && !kept.has(name))
  for (const name of names.sort((a, b) => Number(b === first) - Number(a === first)))
    await fileSystem.rename(join(path, name), freeName(join(old, name)))
  await syncFolder(fileSystem, old)
  await syncFolder(fileSystem, path)
  await removeTree(fileSystem, join(path, shardsName, splitMarkName))
  await syncFolder(fileSystem, join(path, shardsName))
  return true
}

/** Returns a path that nothing has: after a power cut a name may be in both folders. */
function freeName(path: string): string {
  let free = path
  for (let number = 1; existsSync(free); number++) free = `${path}.${number}`
  return free
}

/** A first start with workers that was interrupted has left folders without anything in them. */
async function removeEmptyShards(fileSystem: FileSystem, path: string): Promise<void> {
  for (const folder of [...allShards.map((shard) => shardPath(path, shard)), join(path, shardsName)])
    if (existsSync(folder)) await fileSystem.removeDirectory(folder)
}
