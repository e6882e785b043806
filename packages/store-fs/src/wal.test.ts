import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { LogTable } from './log-table.ts'
import { chooseMoves } from './mover-choice.ts'
import { SegmentTable } from './segment-table.ts'
import { scratchDirectory } from './testing/scratch.ts'
import { Wal } from './wal.ts'
import { encodeRecordLine } from './wal-line.ts'

test('a rotation does not wait behind appends that wait for room: the room may come by it', async () => {
  await using scratch = await scratchDirectory('memory')
  const directory = join(scratch.path, 'wal')
  await mkdir(directory)
  const table = new LogTable(scratch.path, new SegmentTable())
  let full = Promise.withResolvers<void>()
  const wal = await Wal.open({
    fileSystem: nodeFileSystem,
    directory,
    table,
    sync: 'always',
    segmentBytes: 200,
    maxBytes: 400,
    gather: () => Promise.resolve(),
    onGrown: () => {
      if (table.segments.bytes >= 400) full.resolve()
    },
  })
  const state = table.use(storeKey('sessions', 'main', 'first'))
  let seq = 0
  const append = (): Promise<void> => {
    seq += 1
    const line = encodeRecordLine(state.lineKey, { seq, type: 'message', id: `${seq}`, ts: 1, json: '{}' }, undefined)
    return new Promise((resolve, reject) =>
      wal.push({ state, kind: 'record', firstSeq: seq, lastSeq: seq, lines: [line], size: 100, owner: undefined, resolve, reject }),
    )
  }
  while (table.segments.bytes < 400) await append()
  full = Promise.withResolvers()
  let isWritten = false
  const waiting = append().then(() => {
    isWritten = true
  })
  await full.promise
  await wal.rotate()
  expect([isWritten, table.segments.oldestFree()]).toEqual([false, undefined])
  table.release(state, state.extents.length)
  await wal.retire()
  await waiting
  await wal.end(new Error('over') as never)
})

test('logs with the oldest lines are moved first', () => {
  const table = new LogTable('/none', new SegmentTable())
  const states = [3, 1, 2].map((segment) => {
    const state = table.use(storeKey('logs', `s${segment}`))
    table.add(state, { kind: 'record', segment, offset: 0, bytes: 1, firstSeq: 1, lastSeq: 1 })
    return state
  })
  expect(chooseMoves(table.values(), states, 0).map(({ extents }) => extents[0]?.segment)).toEqual([1, 2, 3])
})
