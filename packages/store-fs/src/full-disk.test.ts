import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/core/testing'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test, vi } from 'vitest'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'
import { strictFileSystem } from './testing/strict-file-system.ts'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canMount) console.log('skipped: F10 on a real full disk needs the right to mount a tmpfs')

describe('no room', () => {
  test.skipIf(!canMount)(
    'F10: a full disk rejects store-full, keeps what was acknowledged, and works again when there is room',
    async () => {
      await using scratch = await scratchDirectory()
      const disk = join(scratch.path, 'disk')
      await mkdir(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', disk])
      try {
        const store = new FsStore({ path: join(disk, 'data') })
        const ballast = join(disk, 'ballast')
        await writeFile(ballast, Buffer.alloc(60_000))
        let log = await store.openLog(logKey, fencingToken(1))
        let acknowledged = 0
        let failure: unknown
        while (failure === undefined) {
          const batch = logRecords(acknowledged + 1, acknowledged + 3, 'x'.repeat(700))
          failure = await log.append(batch).then(
            () => undefined,
            (error: unknown) => error,
          )
          if (failure === undefined) acknowledged += 3
        }
        expect(failure).toMatchObject({ code: 'store-full', isRetryable: true })
        expect(acknowledged).toBeGreaterThan(10)
        await expectRejection(log.append(logRecords(acknowledged + 1)), 'store-full')
        await expectRejection(log.read(), 'store-full')
        await expectRejection(store.put(storeKey('jobs', 'large'), 'x'.repeat(100_000)), 'store-full')
        expect(await store.get(storeKey('jobs', 'large'))).toBeUndefined()
        for (const epoch of range(2, 4)) {
          log = await store.openLog(logKey, fencingToken(epoch))
          await expectRejection(fill(log, acknowledged), 'store-full')
        }
        await rm(ballast)
        log = await store.openLog(logKey, fencingToken(5))
        const { records } = await log.read()
        expect(records.slice(0, acknowledged)).toEqual(logRecords(1, acknowledged, 'x'.repeat(700)))
        await log.append(logRecords(records.length + 1))
        await log.close()
        await store.stop()
      } finally {
        execFileSync('umount', ['-l', disk])
      }
    },
  )

  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']) {
    test(`${code} after half a batch: nothing of the batch counts, and a fresh handle goes on`, async () => {
      await using scratch = await scratchDirectory()
      let isFull = false
      const fileSystem = faultyFileSystem(async (name, args) => {
        if (!isFull || name !== 'write') return
        const [descriptor, bytes, offset, length, position] = args as [number, Buffer, number, number, number]
        // More than one whole record reaches the file.
        await strictFileSystem.write(descriptor, bytes, offset, (length * 3) >> 2, position)
        throw systemError(code)
      })
      const owner = new LogProcess(scratch.path, { fileSystem })
      const log = await owner.open()
      await log.append(logRecords(1, 3))
      isFull = true
      const expected = code === 'EIO' ? 'store-io' : 'store-full'
      const later = [log.append(logRecords(4, 8)), log.append(logRecords(9)), log.read()].map((call) => expectRejection(call, expected))
      await Promise.all(later)
      await expectRejection(log.append(logRecords(4)), expected)
      isFull = false
      // The store goes on, and so does the next process after a crash at this moment.
      const again = await owner.open()
      expect((await again.read()).records).toEqual(logRecords(1, 3))
      await again.append(logRecords(4))
      expect((await (await new LogProcess(scratch.path).open()).read()).records).toEqual(logRecords(1, 4))
    })
  }

  test('a segment that cannot even be cut back is not believed past its last acknowledged record', async () => {
    await using scratch = await scratchDirectory('memory')
    let isBroken = false
    const fileSystem = faultyFileSystem((name) => {
      if (isBroken && (name === 'datasync' || name === 'truncate')) throw systemError('EIO')
    })
    const owner = new LogProcess(scratch.path, { fileSystem })
    const log = await owner.open()
    await log.append(logRecords(1, 3))
    isBroken = true
    await expectRejection(log.append(logRecords(4)), 'store-io')
    await expectRejection(log.append(logRecords(4)), 'store-io')
    isBroken = false
    const again = await owner.open()
    expect((await again.read()).records).toEqual(logRecords(1, 3))
    const other = { ...logRecords(4)[0], id: 'other' } as ReturnType<typeof logRecords>[number]
    await again.append([other])
    expect((await (await new LogProcess(scratch.path).open()).read()).records).toEqual([...logRecords(1, 3), other])
  })

  test('a move that fails loses nothing, fails no append, and is tried again', async () => {
    await using scratch = await scratchDirectory('memory')
    const clock = new ManualClock()
    let failing: string | undefined = 'open'
    let failures = 0
    const quietFileSystem = faultyFileSystem((name, args) => {
      const isOwnFile = name === 'open' ? String(args[0]).endsWith('.log.jsonl') && args[1] === 'wx' : true
      if (name !== failing || !isOwnFile) return
      failures += 1
      throw systemError('EIO')
    })
    const owner = new LogProcess(scratch.path, { quietFileSystem, clock })
    const log = await owner.open()
    await log.append(logRecords(1, 3))
    await log.close()
    const own = join(scratch.path, ownPath)
    for (const call of ['open', 'write', 'sync'] as const) {
      failing = call
      const before = failures
      await vi.waitUntil(async () => {
        await clock.advance(5_000)
        return failures > before
      })
      const beside = await owner.open(fencingToken(1), storeKey('sessions', 'ops', 'beside'))
      await beside.append(logRecords(((await beside.read()).records.at(-1)?.seq ?? 0) + 1))
      expect((await (await owner.logs).readLog(logKey, { fromSeq: 1, limit: 9 }))?.records).toEqual(logRecords(1, 3))
    }
    failing = undefined
    await vi.waitUntil(async () => {
      await clock.advance(5_000)
      return (await owner.logs).keysInMemory().length === 1 && existsSync(own)
    })
    expect((await (await owner.open()).read()).records).toEqual(logRecords(1, 3))
  })

  test('appends wait at the bound of the write-ahead log, are refused when too many wait, and go on when there is room', async () => {
    await using scratch = await scratchDirectory('memory')
    const clock = new ManualClock()
    let isFailing = true
    const quietFileSystem = faultyFileSystem((name) => {
      if (isFailing && name === 'write') throw systemError('EIO')
    })
    const sizes = { walSegmentBytes: 2_000, walMaxBytes: 8_000, maxBytes: 64_000_000 }
    const owner = new LogProcess(scratch.path, { quietFileSystem, clock, ...sizes })
    const log = await owner.open()
    const wal = join(scratch.path, 'wal')
    const walBytes = async (): Promise<number> => {
      const sizes = await Promise.all((await readdir(wal)).map(async (name) => (await stat(join(wal, name))).size))
      return sizes.reduce((sum, size) => sum + size, 0)
    }
    let seq = 0
    while ((await walBytes()) < 8_000) await log.append(logRecords(++seq, seq, 'x'.repeat(500)))
    let isDone = false
    const waiting = log.append(logRecords(seq + 1, seq + 1, 'x'.repeat(33_000_000))).then(() => {
      isDone = true
    })
    await expectRejection(log.append(logRecords(seq + 2, seq + 2, 'x'.repeat(1_000_000))), 'overloaded')
    await clock.advance(5_000)
    expect(isDone).toBe(false)
    isFailing = false
    await vi.waitUntil(async () => {
      await clock.advance(5_000)
      return isDone
    })
    await waiting
    await log.append(logRecords(seq + 2))
    expect((await log.read()).records).toHaveLength(seq + 2)
  })
})

describe('F11: a disk that does not sync', () => {
  /** A store over a disk whose record syncs fail while `isBroken`. */
  async function brokenDisk(path: string) {
    const disk = { isBroken: false, beforeFailing: async (): Promise<void> => {} }
    const store = new FsStore({
      path,
      fileSystem: faultyFileSystem(async (name) => {
        if (!disk.isBroken || name !== 'datasync') return
        await disk.beforeFailing()
        throw systemError('EIO')
      }),
    })
    let epoch = 0
    const open = () => store.openLog(logKey, fencingToken(++epoch))
    const other = await store.openLog(storeKey('sessions', 'main', 'other'), fencingToken(1))
    return { disk, store, open, other }
  }

  test('has a second chance in a new segment, and fails for good when that is lost too', async () => {
    await using scratch = await scratchDirectory()
    const { disk, store, open, other } = await brokenDisk(scratch.path)
    const log = await open()
    await log.append(logRecords(1))
    disk.isBroken = true
    await expectRejection(log.append(logRecords(2)), 'store-io')
    await expectRejection((await open()).append(logRecords(2)), 'store-failed', 'store-io')
    disk.isBroken = false
    await expectRejection(other.append(logRecords(1)), 'store-failed')
    await expectRejection(other.read(), 'store-failed')
    await expectRejection(open(), 'store-failed')
    await expectRejection(store.put(storeKey('jobs', 'one'), 1), 'store-failed')
    await expectRejection(store.list(storeKey()), 'store-failed')
    await store.stop()
    await expectRejection(open(), 'store-stopped')

    await using next = new FsStore({ path: scratch.path })
    const again = await next.openLog(logKey, fencingToken(9))
    expect((await again.read()).records).toEqual(logRecords(1))
    await again.append(logRecords(2))
  })

  test('is not believed again about a segment: what comes after a failed sync goes into the next one', async () => {
    await using scratch = await scratchDirectory('memory')
    let isFailing = false
    const fileSystem = faultyFileSystem((name) => {
      if (isFailing && name === 'datasync') throw systemError('EIO')
    })
    const owner = new LogProcess(scratch.path, { fileSystem })
    const log = await owner.open()
    await log.append(logRecords(1))
    isFailing = true
    await expectRejection(log.append(logRecords(2)), 'store-io')
    isFailing = false
    const again = await owner.open(fencingToken(2))
    await again.append(logRecords(2))
    const location = await again.locate(2)
    expect(location?.file).toBe(join(scratch.path, 'wal/00000002.jsonl'))
    expect((await again.read()).records).toEqual(logRecords(1, 2))
  })

  test('goes on when the second chance holds, and has another one later', async () => {
    await using scratch = await scratchDirectory()
    const { disk, store, open } = await brokenDisk(scratch.path)
    await using _ = store
    for (const seq of [1, 2, 3]) {
      const log = await open()
      disk.isBroken = true
      await expectRejection(log.append(logRecords(seq)), 'store-io')
      disk.isBroken = false
      await (await open()).append(logRecords(seq))
    }
  })
})

async function fill(log: Awaited<ReturnType<FsStore['openLog']>>, from: number): Promise<void> {
  for (let seq = from + 1; ; seq++) await log.append(logRecords(seq, seq, 'x'.repeat(5000)))
}
