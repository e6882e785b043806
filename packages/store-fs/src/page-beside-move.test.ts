/** A page that is read while the mover writes the next generation of an own file. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fencingToken, logRecords } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { hastyClock as clock } from './testing/hasty-clock.ts'
import { LogProcess, logKey, scratchDirectory } from './testing/scratch.ts'

test('is whole whichever call of the move is under way, though the old file goes before the state knows the new one', async () => {
  await using scratch = await scratchDirectory('memory')
  let isOver = false
  let waited = 0
  for (let stopAt = 1; !isOver; stopAt++) {
    const root = join(scratch.path, `${stopAt}`)
    await mkdir(root)
    const earlier = new LogProcess(root)
    const first = await earlier.open(fencingToken(1))
    await first.append(logRecords(1, 3))
    await first.close()
    await earlier.stop()
    let calls = Number.NEGATIVE_INFINITY
    const reached = Promise.withResolvers<'stopped' | 'over'>()
    const mayGoOn = Promise.withResolvers<void>()
    const fileSystem = faultyFileSystem(async () => {
      calls += 1
      if (calls !== stopAt) return
      reached.resolve('stopped')
      await mayGoOn.promise
    })
    const owner = new LogProcess(root, { fileSystem, clock })
    const log = await owner.open(fencingToken(2))
    await log.append(logRecords(4, 6))
    await log.snapshot({ seq: 3, state: 'three' }, { dropRecords: true })
    calls = 0
    const stopping = owner.stop().then(() => reached.resolve('over'))
    isOver = (await reached.promise) === 'over'
    const logs = await owner.logs
    let isRead = false
    const page = logs.readLog(logKey, { fromSeq: 1, limit: 99 }).finally(() => {
      isRead = true
    })
    for (let turn = 0; turn < 100 && !isRead; turn++) await new Promise(setImmediate)
    if (!isRead) waited += 1
    mayGoOn.resolve()
    expect((await page)?.records, `stopped at call ${stopAt}`).toEqual(logRecords(4, 6))
    await stopping
  }
  expect(waited, 'reads that had to wait for the move').toBeGreaterThan(0)
}, 30_000)
