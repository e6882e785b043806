/** Errors while a segment is written or begun: nothing is acknowledged to an owner that was overtaken, and an error of the disk is not taken for another owner. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { DirectoryMaker } from './atomic-write.ts'
import type { FileSystem } from './file-system.ts'
import { nodeFileSystem } from './file-system.ts'
import { LogState } from './log-state.ts'
import { LogTable } from './log-table.ts'
import { noOwnFile } from './own-file.ts'
import { type OwnFileWriting, writeOwnFile } from './own-file-writer.ts'
import { SegmentTable } from './segment-table.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, scratchDirectory } from './testing/scratch.ts'

describe('a later owner that seals the segment', () => {
  test('between a durable write and its acknowledgement: the append is fenced, for that owner may have read before the write', async () => {
    await using scratch = await scratchDirectory('memory')
    let isSealing = false
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      writeDurably: async (...args) => {
        const count = await nodeFileSystem.writeDurably(...args)
        if (isSealing) await nodeFileSystem.seal(join(scratch.path, 'wal/00000001.jsonl'))
        return count
      },
    }
    const owner = new LogProcess(scratch.path, { fileSystem })
    const log = await owner.open()
    await log.append(logRecords(1))
    isSealing = true
    await expectRejection(log.append(logRecords(2)), 'fenced')
    await expectRejection(log.append(logRecords(2)), 'fenced')
    await owner.stop()
  })

  test.each(['before anything is written', 'when the new generation is durable'])(
    'is found by a move %s, which then counts as not made',
    async (when) => {
      await using scratch = await scratchDirectory('memory')
      const root = scratch.path
      const filler = new LogProcess(root)
      const log = await filler.open()
      await log.append(logRecords(1, 4))
      await log.snapshot({ seq: 2, state: 'two' }, { dropRecords: when !== 'before anything is written' })
      await log.close()
      const table = new LogTable(root, new SegmentTable())
      const line = (await (await filler.logs).readLog(logKey, { fromSeq: 1, limit: 9 }))?.lastSeq
      expect(line).toBe(4)
      const text = await readFile(join(root, 'wal/00000001.jsonl'), 'utf8')
      const lines = text.split('\n').filter((one) => one.startsWith('{"s":'))
      const state = new LogState(logKey, table.stateOf(logKey).lineKey, table.stateOf(logKey).path)
      state.own = noOwnFile
      let offset = text.indexOf(lines[0] ?? '')
      for (const one of lines) {
        const bytes = Buffer.byteLength(one) + 1
        const kind = one.includes('"dropped":') ? 'drop' : one.includes('"snapshot":') ? 'snapshot' : 'record'
        const seq = Number(/^\{"s":(\d+)/.exec(one)?.[1])
        state.extents.push({ kind, segment: 1, offset, bytes, firstSeq: seq, lastSeq: seq })
        offset += bytes
      }
      const directory = join(root, 'default/sessions/ops')
      const seal = join(root, 'seal')
      const witness = await nodeFileSystem.open(seal, 'wx')
      const directories = new Set<number>()
      const fileSystem: FileSystem = {
        ...nodeFileSystem,
        open: async (path, flags) => {
          const descriptor = await nodeFileSystem.open(path, flags)
          if (path === directory) directories.add(descriptor)
          return descriptor
        },
        sync: async (descriptor) => {
          await nodeFileSystem.sync(descriptor)
          if (directories.has(descriptor)) await nodeFileSystem.seal(seal)
        },
      }
      if (when === 'before anything is written') await nodeFileSystem.seal(seal)
      const writing: OwnFileWriting = {
        fileSystem,
        wal: join(root, 'wal'),
        directories: new DirectoryMaker(fileSystem, root),
        witness: () => witness,
        newTemporary: () => '.tmp-log-test',
        leftBehind: new Set(),
        isAlone: true,
      }
      await expectRejection(writeOwnFile(writing, state, state.extents) as Promise<unknown>, 'fenced')
      expect(writing.leftBehind.size).toBe(0)
      await nodeFileSystem.close(witness)
      await filler.stop()
    },
  )
})

describe('a segment that cannot be begun', () => {
  const steps: [string, (name: keyof FileSystem, args: readonly unknown[]) => boolean][] = [
    ['claimed', (name, [path]) => name === 'list' && String(path).endsWith('/wal')],
    ['written', (name) => name === 'sync'],
  ]
  test.each(steps)('because it cannot be %s, and is left behind, is not taken for that of a later owner', async (_, isIt) => {
    await using scratch = await scratchDirectory('memory')
    let isBroken = false
    const fileSystem = faultyFileSystem((name, args) => {
      if (isBroken && (name === 'unlink' || isIt(name, args))) throw systemError('EMFILE')
    })
    const owner = new LogProcess(scratch.path, { fileSystem, walSegmentBytes: 200 })
    const log = await owner.open()
    await log.append(logRecords(1, 3))
    isBroken = true
    await expectRejection(log.append(logRecords(4)), 'store-io')
    isBroken = false
    const again = await owner.open(fencingToken(2))
    await again.append(logRecords(4))
    expect((await again.read()).records).toEqual(logRecords(1, 4))
    await owner.stop()
    const next = await new LogProcess(scratch.path).open(fencingToken(3))
    expect((await next.read()).records).toEqual(logRecords(1, 4))
  })

  test('is tried once for each group: the callers of that group hear of the error', async () => {
    await using scratch = await scratchDirectory('memory')
    let isBroken = false
    let tries = 0
    const fileSystem = faultyFileSystem((name, [path, flags]) => {
      if (!isBroken || name !== 'open' || flags !== 'wxd' || !String(path).includes('/wal/')) return
      tries += 1
      throw systemError('EMFILE')
    })
    const owner = new LogProcess(scratch.path, { fileSystem, walSegmentBytes: 200 })
    const logs = await Promise.all(['a', 'b', 'c'].map((name) => owner.open(fencingToken(), storeKey('logs', name))))
    for (const log of logs) await log.append(logRecords(1, 3))
    isBroken = true
    await Promise.all(logs.map((log) => expectRejection(log.append(logRecords(4)), 'store-io')))
    expect(tries).toBe(1)
    isBroken = false
    await owner.stop()
  })
})

test('deletions beyond ten thousand that wait are refused with overloaded, before their logs are touched', async () => {
  await using scratch = await scratchDirectory('memory')
  await mkdir(join(scratch.path, 'wal'))
  let held: PromiseWithResolvers<void> | undefined
  const fileSystem = faultyFileSystem(async (name) => {
    if (name === 'write') await held?.promise
  })
  const owner = new LogProcess(scratch.path, { fileSystem })
  const logs = await owner.logs
  const kept = await owner.open()
  await kept.append(logRecords(1))
  held = Promise.withResolvers()
  const deletions = Array.from({ length: 10_000 }, (_, index) => logs.delete(storeKey('logs', `s${index}`)))
  const error = await expectRejection(logs.delete(logKey), 'overloaded')
  expect(error).toMatchObject({ isRetryable: true, retryAfterMs: 100 })
  held.resolve()
  await Promise.all(deletions)
  await kept.append(logRecords(2))
  expect(await logs.delete(logKey)).toBe(true)
  await owner.stop()
})
