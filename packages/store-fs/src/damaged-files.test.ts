/** Damage in the own file of a log at rest that a read could take for something else. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/core/testing'
import { expectRejection, fencingToken, logRecords } from '@beamclaw/testkit'
import { describe, expect, test, vi } from 'vitest'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

const secondName = ownPath.replace('.log.jsonl', '.g2.log.jsonl')

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}

/** A log at rest whose file has its second name, with a header and without the records up to 4. Resolves with that file. */
async function dropped(root: string): Promise<string> {
  const first = new LogProcess(root)
  await (await first.open()).append(logRecords(1, 6))
  await first.stop()
  const second = new LogProcess(root)
  await (await second.open()).snapshot({ seq: 4, state: 'four' }, { dropRecords: true })
  await second.stop()
  return join(root, secondName)
}

describe('a page from the first record on', () => {
  test('is refused when that record is damaged: it is not taken for dropped', async () => {
    await using scratch = await scratchDirectory('memory')
    const process = new LogProcess(scratch.path)
    await (await process.open()).append(logRecords(1, 4))
    await process.stop()
    const file = join(scratch.path, ownPath)
    const good = await readFile(file)
    for (let at = 0; at < good.indexOf(0x0a); at += 7) {
      await writeFile(file, good)
      await flip(file, at)
      const logs = await new LogProcess(scratch.path).logs
      const error = await expectRejection(logs.readLog(logKey, { fromSeq: 1, limit: 10 }), 'log-corrupt')
      expect(error.details).toMatchObject({ file, offset: 0 })
      expect(await logs.readLog(logKey, { fromSeq: 2, limit: 10 })).toEqual({ records: logRecords(2, 4), firstSeq: 1, lastSeq: 4 })
    }
  })

  test('is refused when the line that says which records were dropped is gone', async () => {
    await using scratch = await scratchDirectory('memory')
    const file = await dropped(scratch.path)
    const lines = (await readFile(file, 'utf8')).split('\n')
    await writeFile(file, [lines[0], ...lines.slice(2)].join('\n'))
    const logs = await new LogProcess(scratch.path).logs
    await expectRejection(logs.readLog(logKey, { fromSeq: 1, limit: 10 }), 'log-corrupt')
  })
})

test('a file whose header is damaged is still found under its second name, read and gone on with', async () => {
  await using scratch = await scratchDirectory('memory')
  const file = await dropped(scratch.path)
  const good = await readFile(file)
  for (let at = 0; at < good.indexOf(0x0a); at += 7) {
    await writeFile(file, good)
    await flip(file, at)
    const next = new LogProcess(scratch.path)
    expect(await (await next.logs).readLog(logKey, { fromSeq: 1, limit: 10 })).toEqual({
      records: logRecords(5, 6),
      firstSeq: 5,
      lastSeq: 6,
    })
    const again = await next.open()
    expect(await again.read()).toEqual({ snapshot: { seq: 4, state: 'four' }, records: logRecords(5, 6) })
    await again.append(logRecords(7))
    await next.stop()
    const last = await (await new LogProcess(scratch.path).logs).readLog(logKey, { fromSeq: 1, limit: 10 })
    expect(last).toEqual({ records: logRecords(5, 7), firstSeq: 5, lastSeq: 7 })
  }
})

describe('a log at rest whose last record is damaged, and that has only a snapshot in the write-ahead log', () => {
  async function withSnapshot(root: string, seq: number): Promise<string> {
    const first = new LogProcess(root)
    await (await first.open()).append(logRecords(1, 4))
    await first.stop()
    await (await new LogProcess(root).open(fencingToken(2))).snapshot({ seq, state: 'kept' })
    return join(root, ownPath)
  }

  test('is refused, and its file stays as it is: the snapshot says that the record was there', async () => {
    const seq = 4
    await using scratch = await scratchDirectory('memory')
    const file = await withSnapshot(scratch.path, seq)
    const good = await readFile(file)
    const last = good.indexOf('{"s":4')
    for (let at = last; at < good.length; at += 7) {
      await writeFile(file, good)
      await flip(file, at)
      const process = new LogProcess(scratch.path)
      await expectRejection(process.open(fencingToken(3)), 'log-corrupt')
      await expectRejection((await process.logs).readLog(logKey, { fromSeq: 1, limit: 10 }), 'log-corrupt')
    }
    await writeFile(file, good)
    expect((await (await new LogProcess(scratch.path).open(fencingToken(3))).read()).snapshot).toEqual({ seq, state: 'kept' })
  })

  test('is refused also when nothing says what the damaged line was', async () => {
    await using scratch = await scratchDirectory('memory')
    const file = await withSnapshot(scratch.path, 4)
    const bytes = await readFile(file)
    await writeFile(file, bytes.fill(0, bytes.indexOf('{"s":4')))
    await expectRejection(new LogProcess(scratch.path).open(fencingToken(3)), 'log-corrupt')
  })
})

describe('the move of a damaged log', () => {
  /** A process over a directory whose log has a damaged own file and a snapshot in the write-ahead log. */
  async function damaged(root: string, options: ConstructorParameters<typeof LogProcess>[1]): Promise<LogProcess> {
    const first = new LogProcess(root)
    await (await first.open()).append(logRecords(1, 4))
    await first.stop()
    await (await new LogProcess(root).open(fencingToken(2))).snapshot({ seq: 4, state: 'kept' })
    const file = join(root, ownPath)
    await flip(file, (await readFile(file)).indexOf('{"s":4') + 9)
    return new LogProcess(root, options)
  }

  /** A process over a directory whose log has a damaged line in the write-ahead log, and nothing else. */
  async function damagedInLog(root: string, options: ConstructorParameters<typeof LogProcess>[1]): Promise<LogProcess> {
    const log = await new LogProcess(root).open()
    for (const seq of [1, 2, 3]) await log.append(logRecords(seq))
    const file = join(root, 'wal/00000001.jsonl')
    await flip(file, (await readFile(file)).indexOf('{"s":2') + 9)
    return new LogProcess(root, options)
  }

  test('does not make it look empty while it is under way', async () => {
    await using scratch = await scratchDirectory('memory')
    const clock = new ManualClock()
    const { promise: goOn, resolve } = Promise.withResolvers<void>()
    let isWriting = false
    const quietFileSystem = faultyFileSystem(async (name) => {
      if (name !== 'write') return
      isWriting = true
      await goOn
    })
    const process = await damaged(scratch.path, { clock, quietFileSystem })
    await process.logs
    await clock.advance(1_000)
    await vi.waitUntil(() => isWriting)
    await expectRejection(process.open(fencingToken(3)), 'log-corrupt')
    await expectRejection((await process.logs).readLog(logKey, { fromSeq: 1, limit: 10 }), 'log-corrupt')
    resolve()
    await process.stop()
    await expectRejection(new LogProcess(scratch.path).open(fencingToken(3)), 'log-corrupt')
  })

  test.each(['own file', 'write-ahead log'])(
    'is tried again when it failed, so that its segment can go: damage in the %s',
    async (where) => {
      await using scratch = await scratchDirectory('memory')
      let failures = 0
      const clock = new ManualClock()
      const quietFileSystem = faultyFileSystem((name) => {
        if (name === 'write' && failures++ === 0) throw systemError('EIO')
      })
      const process = await (where === 'own file' ? damaged : damagedInLog)(scratch.path, { clock, quietFileSystem })
      const logs = await process.logs
      await clock.advance(1_000)
      await vi.waitUntil(() => failures === 1)
      await vi.waitUntil(async () => {
        await clock.advance(5_000)
        return logs.keysInMemory().length === 0
      })
      await process.stop()
      await expectRejection(
        new LogProcess(scratch.path).open(fencingToken(3)).then((log) => log.read()),
        'log-corrupt',
      )
    },
  )
})

test('the long torn end of a move goes when the next move writes less', async () => {
  await using scratch = await scratchDirectory('memory')
  const first = new LogProcess(scratch.path)
  await (await first.open()).append(logRecords(1, 4))
  await first.stop()
  const second = new LogProcess(scratch.path)
  await (await second.open(fencingToken(2))).append(logRecords(5))
  const file = join(scratch.path, ownPath)
  await writeFile(file, `{"s":5,"k":["def${'x'.repeat(5_000)}`, { flag: 'a' })
  const third = new LogProcess(scratch.path)
  await third.logs
  await third.stop()
  expect(await readFile(file, 'utf8')).not.toContain('xxx')
  expect((await (await new LogProcess(scratch.path).open(fencingToken(3))).read()).records).toEqual(logRecords(1, 5))
})
