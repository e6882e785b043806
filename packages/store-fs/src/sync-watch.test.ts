import { closeSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { watchSyncs } from './sync-watch.ts'
import { systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

test.runIf(process.platform === 'linux')('a file for durable writes is open with O_DSYNC, others are not', async () => {
  await using scratch = await scratchDirectory('memory')
  for (const flags of ['wxd', 'wx'] as const) {
    const descriptor = await nodeFileSystem.open(join(scratch.path, flags), flags)
    const [, open = '0'] = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? []
    closeSync(descriptor)
    expect((Number.parseInt(open, 8) & 0o10000) !== 0).toBe(flags === 'wxd')
  }
})

type Call = 'write' | 'sync' | 'write fails' | 'sync fails' | 'no room'

test.each<[Call[], number]>([
  [['write fails', 'write fails'], 1],
  [['sync fails', 'sync fails'], 1],
  [['write fails', 'sync fails'], 1],
  [['write fails', 'sync', 'write fails'], 1],
  [['write fails', 'write', 'write fails'], 0],
  [['sync fails', 'sync', 'sync fails'], 0],
  [['sync fails', 'write', 'sync fails'], 0],
  [['no room', 'no room'], 0],
  [['write fails', 'no room', 'write', 'write fails'], 0],
])('a row of errors: %j', async (calls, failures) => {
  let next: Call = 'write'
  const act = async (): Promise<number> => {
    if (next === 'no room') throw systemError('ENOSPC')
    if (next.endsWith('fails')) throw systemError('EIO')
    return 1
  }
  let failing = 0
  const watched = watchSyncs({ ...nodeFileSystem, writeDurably: act, datasync: async () => void (await act()) }, () => failing++)
  for (const call of calls) {
    next = call
    if (call.startsWith('sync')) await watched.datasync(1).catch(() => {})
    else await watched.writeDurably(1, Buffer.alloc(1), 0, 1, 0).catch(() => {})
  }
  expect(failing).toBe(failures)
})
