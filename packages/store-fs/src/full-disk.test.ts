import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, logPath, scratchDirectory } from './testing/scratch.ts'

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
        const segment = await stat(join(disk, 'data', logPath, '0001.jsonl'))
        await expectRejection(store.put(storeKey('jobs', 'large'), 'x'.repeat(100_000)), 'store-full')
        expect(await store.get(storeKey('jobs', 'large'))).toBeUndefined()
        // Opening needs a little room itself.
        for (const _ of range(1, 3))
          await expectRejection(
            store.openLog(logKey, fencingToken(2)).then((opened) => fill(opened, acknowledged)),
            'store-full',
          )
        await rm(ballast)
        log = await store.openLog(logKey, fencingToken(3))
        const { records } = await log.read()
        expect(records.slice(0, acknowledged)).toEqual(logRecords(1, acknowledged, 'x'.repeat(700)))
        expect((await stat(join(disk, 'data', logPath, '0001.jsonl'))).size).toBe(segment.size)
        await log.append(logRecords(records.length + 1))
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
        await nodeFileSystem.write(descriptor, bytes, offset, (length * 3) >> 2, position)
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
      expect((await (await new LogProcess(scratch.path).open()).read()).records).toEqual(logRecords(1, 3))
    })
  }

  test('a segment that cannot even be cut back is not believed past its last acknowledged record', async () => {
    await using scratch = await scratchDirectory()
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
    await expect(owner.open()).rejects.toThrow()
    isBroken = false
    const again = await owner.open()
    expect((await again.read()).records).toEqual(logRecords(1, 3))
    const other = { ...logRecords(4)[0], id: 'other' } as ReturnType<typeof logRecords>[number]
    await again.append([other])
    expect((await (await new LogProcess(scratch.path).open()).read()).records).toEqual([...logRecords(1, 3), other])
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
    await expectRejection(open(), 'store-failed')
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

  test('is not given up for what was under way at the first failure', async () => {
    await using scratch = await scratchDirectory()
    const { disk, store, open, other } = await brokenDisk(scratch.path)
    await using _ = store
    const log = await open()
    const isUnderWay = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let calls = 0
    disk.isBroken = true
    disk.beforeFailing = async () => {
      isUnderWay[calls++]?.resolve()
      await Promise.all(isUnderWay.map(({ promise }) => promise))
    }
    await Promise.all([log, other].map((each) => expectRejection(each.append(logRecords(1)), 'store-io')))
    disk.isBroken = false
    await (await open()).append(logRecords(1))
  })
})

async function fill(log: Awaited<ReturnType<FsStore['openLog']>>, from: number): Promise<void> {
  for (let seq = from + 1; ; seq++) await log.append(logRecords(seq, seq, 'x'.repeat(5000)))
}
