/** Keys that are listed while the mover gives a log its first own file. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { hastyClock as clock } from './testing/hasty-clock.ts'
import { scratchDirectory } from './testing/scratch.ts'

test('are whole: a log that is in no directory yet, and in memory no more, is among them', async () => {
  await using scratch = await scratchDirectory('memory')
  const [first, moved] = [storeKey('logs', 'first'), storeKey('logs', 'moved')]
  const directory = join(scratch.path, 'default', 'logs')
  const walked = Promise.withResolvers<void>()
  const mayGoOn = Promise.withResolvers<void>()
  let isWatching = false
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    list: async (path) => {
      const entries = await nodeFileSystem.list(path)
      if (isWatching && path === directory) {
        walked.resolve()
        await mayGoOn.promise
      }
      return entries
    },
  }
  const closed = async (name: string): Promise<void> => {
    const log = await store.openLog(storeKey(name, name), fencingToken())
    await log.append(logRecords(1))
    await log.close()
    await vi.waitUntil(() => existsSync(join(scratch.path, 'default', name, `${name}.log.jsonl`)), { timeout: 20_000 })
  }
  const store = new FsStore({ path: scratch.path, fileSystem, clock })
  const one = await store.openLog(first, fencingToken())
  await one.append(logRecords(1))
  await one.close()
  await vi.waitUntil(() => existsSync(join(directory, 'first.log.jsonl')), { timeout: 20_000 })
  const log = await store.openLog(moved, fencingToken())
  await log.append(logRecords(1))
  isWatching = true
  const listed = store.list(storeKey('logs'))
  await walked.promise
  await log.close()
  await vi.waitUntil(() => existsSync(join(directory, 'moved.log.jsonl')), { timeout: 20_000 })
  // The move is over once a later one is.
  await closed('later')
  mayGoOn.resolve()
  expect(await listed).toEqual([first, moved])
  await store.stop()
}, 60_000)
