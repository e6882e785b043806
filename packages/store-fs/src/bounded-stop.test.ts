import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@beamclaw/core'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

test('a stop moves lines for a few seconds; what is left is read from the write-ahead log by the next start, and moves then', async () => {
  await using scratch = await scratchDirectory('memory')
  const timers = new Map<number, () => void>()
  const clock: Pick<Clock, 'setTimer'> = {
    setTimer: (callback, delayMs) => {
      timers.set(delayMs, callback)
      return { cancel: () => undefined }
    },
  }
  let isStopping = false
  const fileSystem = faultyFileSystem((name) => {
    if (isStopping && name === 'sync') timers.get(3_000)?.()
  })
  const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
  const store = new FsStore({ path: scratch.path, clock, fileSystem, maxOpenFiles: 4 })
  for (const name of names) await (await store.openLog(storeKey('sessions', 'main', name), fencingToken())).append(logRecords(1, 3))
  isStopping = true
  const segments = readdirSync(join(scratch.path, 'wal'))
  await store.stop()
  // What is late begins nothing any more: a new segment would take three more syncs.
  expect(readdirSync(join(scratch.path, 'wal'))).toEqual(segments)
  const moved = readdirSync(join(scratch.path, 'default', 'sessions', 'main')).length
  expect(moved).toBeGreaterThan(0)
  expect(moved).toBeLessThan(names.length)

  const next = new FsStore({ path: scratch.path })
  for (const name of names) {
    const log = await next.openLog(storeKey('sessions', 'main', name), fencingToken(2))
    expect((await log.read()).records).toEqual(logRecords(1, 3))
  }
  await next.stop()
  expect(readdirSync(join(scratch.path, 'default', 'sessions', 'main'))).toHaveLength(names.length)
})
