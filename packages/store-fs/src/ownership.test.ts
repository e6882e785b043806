import { existsSync } from 'node:fs'
import { appendFile, type FileHandle, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test, vi } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { chance } from './testing/chance.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

const codeOf = (error: unknown): unknown => (BeamClawError.isInstance(error) ? error.code : error)

describe('processes that share nothing but the directory', () => {
  test('a later process fences the handles of an earlier one, whose bytes no longer count', async () => {
    await using scratch = await scratchDirectory('memory')
    const [first, second] = [new LogProcess(scratch.path), new LogProcess(scratch.path, { isAlone: false })]
    const old = await first.open(fencingToken(1, 'a'))
    await old.append(logRecords(1, 3))
    const young = await second.open(fencingToken(2, 'b'))
    await young.append(logRecords(4))
    await expectRejection(old.append(logRecords(4, 9)), 'fenced')
    await expectRejection(old.read(), 'fenced')
    await young.append(logRecords(5))
    await expectRejection(new LogProcess(scratch.path).open(fencingToken(1, 'a')), 'fenced')
    const log = await new LogProcess(scratch.path).open(fencingToken(2, 'b'))
    expect((await log.read()).records).toEqual(logRecords(1, 5))
  })

  test.each([
    ['while the later one has the log open', false],
    ['after the later one has moved all of it', true],
  ])(
    'an earlier process that goes on at any call of a move, a cut or a new segment, %s, changes nothing that counts',
    async (_when, isMoved) => {
      await using scratch = await scratchDirectory('memory')
      const beside = storeKey('sessions', 'ops', 'beside')
      let wasStopped = false
      for (let stopAt = 1; stopAt === 1 || wasStopped; stopAt++) {
        const root = join(scratch.path, `${stopAt}`)
        await mkdir(root)
        wasStopped = false
        let calls = 0
        const overtaken = Promise.withResolvers<void>()
        const zombieMayGoOn = Promise.withResolvers<void>()
        const fileSystem = faultyFileSystem(async () => {
          calls += 1
          if (calls !== stopAt) return
          wasStopped = true
          overtaken.resolve()
          await zombieMayGoOn.promise
        })
        const acknowledged = { main: 0, beside: 0 }
        const zombie = new LogProcess(root, { fileSystem, walSegmentBytes: 600, walMaxBytes: 2_000 })
        const living = (async () => {
          for (const round of range(1, 3)) {
            const log = await zombie.open(fencingToken(round))
            await log.append(logRecords(round * 2 - 1, round * 2))
            acknowledged.main = round * 2
            const other = await zombie.open(fencingToken(round), beside)
            await other.append(logRecords(round))
            acknowledged.beside = round
            if (round === 2) await log.snapshot({ seq: 3, state: 'three' }, { dropRecords: true })
            await log.close()
          }
          await zombie.stop()
        })().then(overtaken.resolve, overtaken.resolve)
        await overtaken.promise
        const then = { ...acknowledged }
        const owner = new LogProcess(root, { isAlone: false, walSegmentBytes: 600, walMaxBytes: 2_000 })
        const log = await owner.open(fencingToken(9))
        const before = await log.read()
        const last = before.records.at(-1)?.seq ?? before.snapshot?.seq ?? 0
        expect(last).toBeGreaterThanOrEqual(then.main)
        await log.append(logRecords(last + 1, last + 3))
        await (await owner.open(fencingToken(9), beside)).read()
        if (isMoved) await owner.stop()
        zombieMayGoOn.resolve()
        await living
        await owner.stop()
        const again = await new LogProcess(root).open(fencingToken(10))
        const after = await again.read()
        const from = (after.snapshot?.seq ?? 0) + 1
        expect(after.records, `stopped at call ${stopAt}`).toEqual(logRecords(from, last + 3))
        const page = await (await new LogProcess(root).logs).readLog(beside, { fromSeq: 1, limit: 99 })
        expect(page?.records.length ?? 0).toBeGreaterThanOrEqual(then.beside)
        expect(page?.records ?? []).toEqual(logRecords(1, page?.lastSeq ?? 0))
      }
    },
    30_000,
  )

  test('random takeovers, appends, snapshots and stalls: nothing acknowledged is lost, nobody is acknowledged after a later owner', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const seed of range(1, 12)) {
      const root = join(scratch.path, `${seed}`)
      await mkdir(root)
      const next = chance(seed)
      const fileSystem = faultyFileSystem(async () => {
        for (let turns = next(8) === 0 ? next(30) : 0; turns > 0; turns--) await new Promise(setImmediate)
      })
      const acknowledged = new Map<number, string>()
      let epoch = 0
      const processes = range(1, 3).map(async (process) => {
        for (const round of range(1, 5)) {
          try {
            const owner = new LogProcess(root, { fileSystem, isAlone: false, walSegmentBytes: 1_500, walMaxBytes: 4_000 })
            const log = await owner.open(fencingToken(++epoch, `p${process}`))
            const { snapshot, records } = await log.read()
            let seq = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
            for (const _ of range(1, 4 + next(6))) {
              const batch = logRecords(seq + 1, seq + 1 + next(3)).map((record) => ({ ...record, id: `${process}-${round}-${record.seq}` }))
              await log.append(batch)
              for (const record of batch) {
                expect(acknowledged.get(record.seq), `seq ${record.seq} was acknowledged to somebody else`).toBeUndefined()
                acknowledged.set(record.seq, record.id)
              }
              seq += batch.length
              if (next(4) === 0) await log.snapshot({ seq, state: { upTo: seq } })
            }
            if (next(2) === 0) await owner.stop()
          } catch (error) {
            // A file that a later owner has retired: the store makes `store-io` of it.
            const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
            if (!isGone && !['fenced', 'store-io'].includes(String(codeOf(error)))) throw error
          }
        }
      })
      await Promise.all(processes)
      const page = await (await new LogProcess(root).logs).readLog(logKey, { fromSeq: 1, limit: 10_000 })
      expect(page?.lastSeq ?? 0, `seed ${seed}`).toBeGreaterThanOrEqual(Math.max(0, ...acknowledged.keys()))
      for (const record of page?.records ?? []) {
        const id = acknowledged.get(record.seq)
        if (id !== undefined) expect(record.id, `seed ${seed}, seq ${record.seq}`).toBe(id)
      }
    }
  }, 30_000)
})

describe('a document', () => {
  test.each(['put', 'delete'] as const)(
    'stays as it is when a later owner takes the directory over in the middle of a %s',
    async (change) => {
      await using scratch = await scratchDirectory('memory')
      const key = storeKey('notes', 'one')
      let isArmed = false
      const fileSystem = faultyFileSystem(async (name) => {
        if (!isArmed || !['sync', 'open'].includes(name)) return
        isArmed = false
        for (const segment of await readdir(join(scratch.path, 'wal'))) await nodeFileSystem.seal(join(scratch.path, 'wal', segment))
      })
      const store = new FsStore({ path: scratch.path, fileSystem })
      await store.put(key, 'first')
      isArmed = true
      const options = { expectedVersion: 1 }
      await expectRejection(change === 'put' ? store.put(key, 'second', options) : store.delete(key, options), 'fenced')
      expect(JSON.parse(await readFile(join(scratch.path, 'default', 'notes', 'one.json'), 'utf8'))).toMatchObject({ value: 'first' })
      await store.stop()
    },
  )
})

describe('what is deleted', () => {
  test('is gone from every file of the write-ahead log within ten seconds, while other logs go on', async () => {
    await using scratch = await scratchDirectory('memory')
    const { ManualClock } = await import('@beamclaw/core/testing')
    const clock = new ManualClock()
    const owner = new LogProcess(scratch.path, { clock })
    const [log, other] = [await owner.open(), await owner.open(fencingToken(), storeKey('other'))]
    for (const seq of range(1, 3)) {
      await log.append(logRecords(seq, seq, 'secret-one'))
      await other.append(logRecords(seq, seq, 'public'))
    }
    const dropped = await owner.open(fencingToken(), storeKey('dropped'))
    await dropped.append(logRecords(1, 4, 'secret-two'))
    await dropped.snapshot({ seq: 4, state: 'kept' }, { dropRecords: true })
    const logs = await owner.logs
    expect(await logs.delete(logKey, fencingToken(1, 'a'))).toBe(true)
    await clock.advance(9_000)
    while (logs.segments[0] === 1) await new Promise(setImmediate)
    for (const name of await readdir(scratch.path, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue
      const text = await readFile(join(name.parentPath, name.name), 'utf8')
      expect(text.includes('secret'), name.name).toBe(false)
    }
    await other.append(logRecords(4))
    expect((await other.read()).records).toHaveLength(4)
    expect(await dropped.read()).toEqual({ snapshot: { seq: 4, state: 'kept' }, records: [] })
  })

  test('does not come back when the process dies right after its tombstone, and its own file goes', async () => {
    await using scratch = await scratchDirectory('memory')
    const earlier = new LogProcess(scratch.path)
    const log = await earlier.open()
    await log.append(logRecords(1, 3))
    await earlier.stop()
    expect(existsSync(join(scratch.path, ownPath))).toBe(true)
    const fileSystem = faultyFileSystem((name, args) => {
      if (name === 'unlink' && String(args[0]).endsWith('.log.jsonl')) throw Object.assign(new Error('died'), { code: 'EIO' })
    })
    const dying = new LogProcess(scratch.path, { fileSystem })
    await expect((await dying.logs).delete(logKey)).rejects.toThrow('died')
    const next = new LogProcess(scratch.path)
    const logs = await next.logs
    expect(logs.isDeleted(logKey)).toBe(true)
    expect(await logs.readLog(logKey, { fromSeq: 1, limit: 9 })).toBeUndefined()
    const fresh = await next.open(fencingToken(1, 'fresh'))
    expect((await fresh.read()).records).toEqual([])
    await fresh.append(logRecords(1))
    await next.stop()
    expect(await readdir(dirname(join(scratch.path, ownPath)))).toEqual(['main.log.jsonl'])
    expect((await (await new LogProcess(scratch.path).open(fencingToken(2))).read()).records).toEqual(logRecords(1))
  })

  test.each(['unlink', 'link', 'truncate'] as const)(
    'is removed, or written anew, though the write-ahead log goes on in another segment before the %s',
    async (call) => {
      await using scratch = await scratchDirectory('memory')
      const earlier = new LogProcess(scratch.path)
      await (await earlier.open()).append(logRecords(1, 3))
      await earlier.stop()
      const sealed = join(scratch.path, 'sealed')
      await writeFile(sealed, '', { mode: 0o400 })
      const others: FileHandle[] = []
      let goOn: () => Promise<void> = async () => undefined
      let rotations = 0
      const quietFileSystem = faultyFileSystem(async (name) => {
        if (name !== call || rotations > 0) return
        rotations += 1
        await goOn()
      })
      const owner = new LogProcess(scratch.path, { quietFileSystem, walSegmentBytes: 600 })
      const beside = await owner.open(fencingToken(1), storeKey('sessions', 'ops', 'beside'))
      let last = 0
      goOn = async () => {
        const before = (await readdir(join(scratch.path, 'wal'))).length
        while ((await readdir(join(scratch.path, 'wal'))).length === before) await beside.append(logRecords(++last))
        // Files of others, which cannot be written, get the descriptor of the segment before.
        for (let count = 0; count < 9; count++) others.push(await open(sealed, 'r'))
      }
      const log = await owner.open(fencingToken(2))
      // What a move that failed left behind the bytes that count.
      if (call === 'truncate') await appendFile(join(scratch.path, ownPath), 'left')
      if (call === 'unlink') expect(await (await owner.logs).delete(logKey)).toBe(true)
      else {
        await log.append(logRecords(4))
        if (call === 'link') await log.snapshot({ seq: 3, state: 'three' }, { dropRecords: true })
        await log.close()
      }
      await owner.stop()
      for (const other of others) await other.close()
      expect(rotations).toBe(1)
      const expected = { unlink: [], link: logRecords(4), truncate: logRecords(1, 4) }[call]
      const again = await (await new LogProcess(scratch.path).logs).readLog(logKey, { fromSeq: 1, limit: 9 })
      expect(again?.records ?? []).toEqual(expected)
    },
  )

  test.each(['the caller asks again', 'nobody asks again'])('goes when its file could not be removed at first, and %s', async (who) => {
    await using scratch = await scratchDirectory('memory')
    const { ManualClock } = await import('@beamclaw/core/testing')
    const clock = new ManualClock()
    const earlier = new LogProcess(scratch.path)
    await (await earlier.open()).append(logRecords(1, 3))
    await earlier.stop()
    let isFailing = true
    const quietFileSystem = faultyFileSystem((name, args) => {
      if (isFailing && name === 'unlink' && String(args[0]).endsWith('.log.jsonl')) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    })
    const logs = await new LogProcess(scratch.path, { clock, quietFileSystem }).logs
    await expect(logs.delete(logKey)).rejects.toThrow('EIO')
    if (who === 'the caller asks again') await expect(logs.delete(logKey)).rejects.toThrow('EIO')
    isFailing = false
    if (who === 'the caller asks again') expect(await logs.delete(logKey)).toBe(true)
    else {
      await clock.advance(9_000)
      await vi.waitUntil(() => !existsSync(join(scratch.path, ownPath)))
    }
    expect(existsSync(join(scratch.path, ownPath))).toBe(false)
    expect(await logs.delete(logKey)).toBe(false)
  })
})
