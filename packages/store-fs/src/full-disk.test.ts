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

async function fill(log: Awaited<ReturnType<FsStore['openLog']>>, from: number): Promise<void> {
  for (let seq = from + 1; ; seq++) await log.append(logRecords(seq, seq, 'x'.repeat(5000)))
}
