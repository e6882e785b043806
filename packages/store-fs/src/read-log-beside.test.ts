import { globSync, statSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import type { LogLine } from './log-line.ts'
import { readLogBeside } from './read-log-beside.ts'
import { chance } from './testing/chance.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

async function linesOf(path: string, key: StoreKey = logKey, fromSeq = 1): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of readLogBeside({ path, key, fromSeq })) lines.push(line)
  return lines
}

/** A line in short: `3`, `snapshot 3`, `damaged`, `missing 3-4`. */
function short(line: LogLine): string {
  if (line.kind === 'record') return String(line.record.seq)
  if (line.kind === 'snapshot') return `${line.isDrop ? 'drop' : 'snapshot'} ${line.seq}`
  return line.kind === 'missing' ? `missing ${line.firstSeq}-${line.lastSeq}` : 'damaged'
}

const shortOf = async (path: string, key?: StoreKey, fromSeq?: number) => (await linesOf(path, key, fromSeq)).map(short)

/** Lets the mover move all lines: until the own file ends with a line of this seq. */
async function moved(path: string, clock: ManualClock, seq: number): Promise<void> {
  const isThere = async () =>
    (await readFile(join(path, ownPath), 'utf8').catch(() => '')).trimEnd().split('\n').at(-1)?.startsWith(`{"s":${seq},`)
  while (!(await isThere())) {
    await clock.advance(20)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('a log that is read beside its owner', () => {
  test('has its records and snapshots in order, from the write-ahead log and from its own file, each once', async () => {
    await using scratch = await scratchDirectory()
    const clock = new ManualClock()
    const owner = new LogProcess(scratch.path, { clock })
    const log = await owner.open()
    await log.append(logRecords(1, 3))
    await log.snapshot({ seq: 2, state: { count: 2 } })
    const inWal = ['1', '2', '3', 'snapshot 2']
    expect(await shortOf(scratch.path)).toEqual(inWal)
    await log.close()
    await moved(scratch.path, clock, 2)
    expect(await readdir(join(scratch.path, 'default/sessions/ops'))).toEqual(['main.log.jsonl'])
    // The lines are in both now.
    expect(await shortOf(scratch.path)).toEqual(inWal)
    const again = await owner.open({ epoch: 2, nonce: 'b' })
    await again.append(logRecords(4, 5))
    const lines = await linesOf(scratch.path)
    expect(lines.map(short)).toEqual([...inWal, '4', '5'])
    expect(lines[0]).toEqual({ kind: 'record', record: logRecords(1)[0] })
    expect(lines[3]).toMatchObject({ kind: 'snapshot', seq: 2, isDrop: false, state: { count: 2 } })
    await owner.stop()
    expect(await shortOf(scratch.path)).toEqual([...inWal, '4', '5'])
    expect(await shortOf(scratch.path, logKey, 3)).toEqual(['3', '4', '5'])
  })

  test('has nothing of what was dropped or deleted, whether or not the files say so yet', async () => {
    await using scratch = await scratchDirectory()
    const clock = new ManualClock()
    const owner = new LogProcess(scratch.path, { clock })
    let log = await owner.open()
    await log.append(logRecords(1, 3))
    await log.close()
    await moved(scratch.path, clock, 3)
    log = await owner.open({ epoch: 2, nonce: 'b' })
    await log.append(logRecords(4))
    await log.snapshot({ seq: 3, state: 'three' }, { dropRecords: true })
    expect(await shortOf(scratch.path)).toEqual(['4', 'drop 3'])
    await log.append(logRecords(5))
    await log.close()
    while (!(await readdir(join(scratch.path, 'default/sessions/ops'))).includes('main.g2.log.jsonl')) {
      await clock.advance(20)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await shortOf(scratch.path)).toEqual(['4', 'drop 3', '5'])
    const logs = await owner.logs
    await logs.delete(logKey, { epoch: 2, nonce: 'b' })
    expect(await shortOf(scratch.path)).toEqual([])
    log = await owner.open({ epoch: 1, nonce: 'c' })
    await log.append(logRecords(1, 2))
    expect(await shortOf(scratch.path)).toEqual(['1', '2'])
    await owner.stop()
    expect(await shortOf(scratch.path)).toEqual(['1', '2'])
  })

  test('has its damaged lines where they are, and says where records are missing', async () => {
    await using scratch = await scratchDirectory()
    const owner = new LogProcess(scratch.path)
    await (await owner.open()).append(logRecords(1, 6))
    await owner.stop()
    const file = join(scratch.path, ownPath)
    const lines = (await readFile(file, 'utf8')).split('\n')
    await writeFile(file, [lines[0], lines[1]?.replace('"ts"', '"tX"'), ...lines.slice(2)].join('\n'))
    expect((await linesOf(scratch.path)).slice(0, 3)).toEqual([
      { kind: 'record', record: logRecords(1)[0] },
      { kind: 'damaged', file: ownPath, line: 2, offset: (lines[0]?.length ?? 0) + 1 },
      { kind: 'record', record: logRecords(3)[0] },
    ])
    await writeFile(file, [lines[0], ...lines.slice(3, 5), lines[5]?.slice(0, 30)].join('\n'))
    expect(await shortOf(scratch.path)).toEqual(['1', 'missing 2-3', '4', '5', 'damaged'])
    await writeFile(file, lines.slice(2).join('\n'))
    expect(await shortOf(scratch.path)).toEqual(['missing 1-2', '3', '4', '5', '6'])
  })

  test('shows a damaged line in the write-ahead log, and does not take the torn end of a move for damage', async () => {
    await using scratch = await scratchDirectory()
    const clock = new ManualClock()
    const owner = new LogProcess(scratch.path, { clock })
    const log = await owner.open()
    for (const seq of range(1, 5)) await log.append(logRecords(seq))
    await mkdir(join(scratch.path, 'default/sessions/ops'), { recursive: true })
    const segment = join(scratch.path, 'wal/00000001.jsonl')
    const text = await readFile(segment, 'utf8')
    await writeFile(join(scratch.path, ownPath), text.slice(text.indexOf('\n') + 1, text.indexOf('\n') + 200))
    expect(await shortOf(scratch.path)).toEqual(['1', '2', '3', '4', '5'])
    await writeFile(segment, text.replace('"seq":3', '"seq":X').replace('{"s":3,', '{"s":7,'))
    const lines = await linesOf(scratch.path)
    expect(lines.map(short)).toEqual(['1', '2', 'damaged', '4', '5'])
    expect(lines[2]).toMatchObject({ file: 'wal/00000001.jsonl', line: undefined })
  })

  test('ends an own file where a move has begun to write the next line', async () => {
    await using scratch = await scratchDirectory()
    const first = new LogProcess(scratch.path)
    await (await first.open()).append(logRecords(1, 2))
    await first.stop()
    const owner = new LogProcess(scratch.path)
    await (await owner.open({ epoch: 2, nonce: 'b' })).append(logRecords(3, 4))
    await appendFile(join(scratch.path, ownPath), '{"s":3,"k":["default","sess')
    expect(await shortOf(scratch.path)).toEqual(['1', '2', '3', '4'])
  })

  test('creates and changes no file, with an owner and without', async () => {
    await using scratch = await scratchDirectory()
    expect(await linesOf(join(scratch.path, 'nothing'))).toEqual([])
    expect(await readdir(scratch.path)).toEqual([])
    await using store = new FsStore({ path: scratch.path })
    await (await store.openLog(logKey, fencingToken(1))).append(logRecords(1, 3))
    // The heartbeat of the owner changes the lock file.
    const facts = () =>
      globSync('**/*', { cwd: scratch.path, withFileTypes: true }).map((entry) => {
        const { mtimeMs, ctimeMs, size, mode } = statSync(join(entry.parentPath, entry.name))
        return [entry.name, mtimeMs, ctimeMs, size, mode]
      })
    const before = facts()
    expect(await shortOf(scratch.path)).toEqual(['1', '2', '3'])
    expect(await shortOf(scratch.path, storeKey('sessions', 'ops', 'other'))).toEqual([])
    expect(facts()).toEqual(before)
  })

  test('is read as far as it is wanted, a little at a time, and leaves nothing open', async () => {
    await using scratch = await scratchDirectory('memory')
    const owner = new LogProcess(scratch.path)
    const log = await owner.open()
    for (const part of range(0, 19)) await log.append(logRecords(part * 100 + 1, part * 100 + 100, 'x'.repeat(4_000)))
    await owner.stop()
    const { size } = statSync(join(scratch.path, ownPath))
    let [bytes, largest] = [0, 0]
    const open = new Set<number>()
    const fileSystem: typeof nodeFileSystem = {
      ...nodeFileSystem,
      open: async (...args) => {
        const descriptor = await nodeFileSystem.open(...args)
        open.add(descriptor)
        return descriptor
      },
      close: async (descriptor) => {
        open.delete(descriptor)
        await nodeFileSystem.close(descriptor)
      },
      read: async (descriptor, into, offset, length, position) => {
        bytes += length
        largest = Math.max(largest, length)
        return await nodeFileSystem.read(descriptor, into, offset, length, position)
      },
    }
    for await (const line of readLogBeside({ path: scratch.path, key: logKey, fileSystem })) if (short(line) === '10') break
    expect(bytes).toBeLessThan(400_000)
    let count = 0
    for await (const _ of readLogBeside({ path: scratch.path, key: logKey, fileSystem })) count += 1
    expect(count).toBe(2_000)
    expect(size).toBeGreaterThan(8_000_000)
    expect(largest).toBeLessThan(300_000)
    expect(open.size).toBe(0)
  })

  test('is refused for wrong options', async () => {
    await expectRejection(linesOf('', logKey), 'invalid-option')
    await expectRejection(linesOf('.', ['default'] as unknown as StoreKey), 'invalid-id')
    await expectRejection(linesOf('.', logKey, 0), 'invalid-option')
  })
})

test('at any moment of random lives, a reader beside has what the owner reads, each record once', async () => {
  await using scratch = await scratchDirectory('memory')
  for (const seed of range(1, 25)) {
    const next = chance(seed)
    const clock = new ManualClock()
    const path = join(scratch.path, `${seed}`)
    await mkdir(path)
    const owner = new LogProcess(path, { clock, walSegmentBytes: 700, walMaxBytes: 2_800 })
    const logs = await owner.logs
    let epoch = 1
    let log = await owner.open({ epoch, nonce: 'x' })
    let [seq, snapshot] = [0, 0]
    for (const _ of range(1, 40)) {
      const what = next(10)
      if (what < 5) {
        const count = 1 + next(3)
        await log.append(logRecords(seq + 1, seq + count, 'x'.repeat(next(200))))
        seq += count
      } else if (what < 7 && seq > snapshot) {
        snapshot = seq
        await log.snapshot({ seq, state: seq }, { dropRecords: next(2) === 0 })
      } else if (what === 7) {
        await log.close()
        log = await owner.open({ epoch: ++epoch, nonce: 'x' })
      } else if (what === 8 && next(3) === 0) {
        await logs.delete(logKey, { epoch, nonce: 'x' })
        log = await owner.open({ epoch: ++epoch, nonce: 'x' })
        ;[seq, snapshot] = [0, 0]
      } else {
        await clock.advance(next(2) === 0 ? 20 : 5_000)
        for (let turn = next(20); turn > 0; turn--) await new Promise(setImmediate)
      }
      const expected = (await logs.readLog(logKey, { fromSeq: 1, limit: 1_000 }))?.records ?? []
      const seen = await linesOf(path)
      const note = `seed ${seed}`
      expect(
        seen.filter(({ kind }) => kind === 'damaged' || kind === 'missing'),
        note,
      ).toEqual([])
      expect(
        seen.flatMap((line) => (line.kind === 'record' ? [line.record] : [])),
        note,
      ).toEqual(expected)
      const snapshots = seen.flatMap((line) => (line.kind === 'snapshot' ? [line.seq] : []))
      expect(new Set(snapshots).size, note).toBe(snapshots.length)
      if (snapshot > 0) expect(snapshots.at(-1), note).toBe(snapshot)
    }
  }
}, 60_000)
