import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { DirectoryChildren } from './directory-children.ts'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

test('a log with a long name that is deleted while its directory is listed is left out', async () => {
  await using scratch = await scratchDirectory()
  const long = 'x'.repeat(300)
  const store = new FsStore({ path: scratch.path })
  const log = await store.openLog(storeKey('sessions', 'main', long), fencingToken())
  await log.append(logRecords(1, 3))
  await store.stop()
  const directory = join(scratch.path, storeKey()[0] ?? '', 'sessions', 'main')
  expect((await new DirectoryChildren(nodeFileSystem).of(directory, 3)).parts).toEqual([long])
  const deleting = faultyFileSystem(async (name, [path]) => {
    if (name === 'open') await rm(String(path), { force: true })
  })
  expect((await new DirectoryChildren(deleting).of(directory, 3)).parts).toEqual([])
})
