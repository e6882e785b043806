/** Segments of the write-ahead log go as soon as nothing needs them, the oldest first, and each durably before the next. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/core/testing'
import { fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test, vi } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { LogTable } from './log-table.ts'
import { SegmentTable } from './segment-table.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'
import { Wal } from './wal.ts'
import { encodeRecordLine } from './wal-line.ts'
import { listSegments } from './wal-segments.ts'

describe('retired segments', () => {
  /** A write-ahead log with some segments, of which all lines are moved. */
  async function moved(root: string, onCall: () => void) {
    await mkdir(root)
    const crashing = new CrashFileSystem(root, onCall)
    const { fileSystem } = crashing
    const directory = join(root, 'wal')
    await fileSystem.makeDirectory(directory)
    const descriptor = await fileSystem.open(root, 'r')
    await fileSystem.sync(descriptor)
    await fileSystem.close(descriptor)
    const table = new LogTable(root, new SegmentTable())
    const options = { fileSystem, directory, table, sync: 'always', segmentBytes: 200, maxBytes: 1e9 } as const
    const wal = await Wal.open({ ...options, gather: () => Promise.resolve(), onGrown: () => {} })
    const state = table.use(storeKey('sessions', 'main', 'first'))
    for (const seq of range(1, 12)) {
      const lines = [encodeRecordLine(state.lineKey, { seq, type: 'message', id: `${seq}`, ts: 1, json: '{}' }, undefined)]
      await new Promise<void>((resolve, reject) =>
        wal.push({ state, kind: 'record', firstSeq: seq, lastSeq: seq, lines, size: 100, owner: undefined, resolve, reject }),
      )
    }
    table.release(state, state.extents.length)
    return { crashing, wal, table, directory }
  }

  test('do not come back after a power cut', async () => {
    await using scratch = await scratchDirectory('memory')
    const { crashing, wal, table, directory } = await moved(join(scratch.path, 'data'), () => {})
    const before = await listSegments(nodeFileSystem, directory)
    expect(before.length).toBeGreaterThan(3)
    await wal.retire()
    crashing.crash(join(scratch.path, 'after'), () => false)
    expect(await listSegments(nodeFileSystem, join(scratch.path, 'after/wal'))).toEqual(table.segments.numbers)
    expect(table.segments.numbers).toEqual(before.slice(-1))
    await wal.end(new Error('over') as never)
  })

  test('leave no hole, wherever a power cut falls', async () => {
    await using scratch = await scratchDirectory('memory')
    let crash = (): void => {}
    const { crashing, wal } = await moved(join(scratch.path, 'data'), () => crash())
    let cuts = 0
    crash = () => {
      // One change at a time survives of those that are not durable: all others are as before.
      for (const survivor of range(0, 12)) {
        let change = -1
        crashing.crash(join(scratch.path, `after-${cuts}`), () => {
          change += 1
          return change === survivor
        })
        cuts += 1
      }
    }
    await wal.retire()
    crash = () => {}
    expect(cuts).toBeGreaterThan(50)
    for (const cut of range(0, cuts - 1)) {
      const numbers = await listSegments(nodeFileSystem, join(scratch.path, `after-${cut}/wal`))
      expect(numbers, `cut ${cut}`).toEqual(range(numbers[0] ?? 0, numbers.at(-1) ?? 0))
    }
    await wal.end(new Error('over') as never)
  })

  test('go after each batch of moves: appends may wait for the room', async () => {
    await using scratch = await scratchDirectory('memory')
    const calls: string[] = []
    const fileSystem = faultyFileSystem((name, [path]) => {
      if ((name === 'unlink' || name === 'open') && typeof path === 'string') calls.push(`${name} ${path.slice(scratch.path.length + 1)}`)
    })
    const clock = new ManualClock()
    const owner = new LogProcess(scratch.path, { fileSystem, clock, walSegmentBytes: 1_000, maxOpenFiles: 8 })
    const names = range(1, 40).map((number) => `s${number}`)
    for (const name of names) await (await owner.open(fencingToken(), storeKey('logs', name))).append(logRecords(1))
    const logs = await owner.logs
    expect(logs.segments.length).toBeGreaterThan(3)
    for (const name of names) await (await logs.openLog(storeKey('logs', name), fencingToken(2))).close()
    calls.length = 0
    await clock.advance(20)
    const files = () => calls.filter((call) => call.startsWith('open default/logs/'))
    await vi.waitUntil(() => files().length >= names.length && logs.segments.length === 1, { timeout: 5_000 })
    const first = calls.indexOf('unlink wal/00000001.jsonl')
    const last = calls.findLastIndex((call) => call.startsWith('open default/logs/'))
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(last)
    await owner.stop()
  })
})
