import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { chmod, cp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BeamClawError, SystemClock } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { expectRejection, storeKey } from '@beamclaw/testkit'
import { describe, expect, test, vi } from 'vitest'
import { DirectoryLock } from './directory-lock.ts'
import { FsStore } from './fs-store.ts'
import { LockFile } from './lock-file.ts'
import type { LockOwner } from './lock-owner.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

describe('the lock', () => {
  test('a second store of the same process is refused, also through another path', async () => {
    await using scratch = await scratchDirectory()
    await symlink(scratch.path, `${scratch.path}-link`)
    try {
      const first = new FsStore({ path: scratch.path })
      await first.put(storeKey('a'), 1)
      const second = new FsStore({ path: `${scratch.path}-link` })
      const error = await expectRejection(second.put(storeKey('a'), 2), 'store-locked')
      expect(error.message).toContain(`process ${process.pid}`)
      await first.stop()
      expect(await second.get(storeKey('a'))).toEqual({ value: 1, version: 1 })
      await second.stop()
    } finally {
      await rm(`${scratch.path}-link`)
    }
  })

  test('a lock file that names nobody who lives is no obstacle', async () => {
    await using scratch = await scratchDirectory()
    for (const text of ['', 'half', '{"pid":1}', `{"pid":${process.pid},"started":"1","host":"elsewhere","nonce":"x"}`]) {
      await writeFile(join(scratch.path, '.lock'), text)
      const store = new FsStore({ path: scratch.path, lockLeaseMs: 100 })
      await store.put(storeKey('a'), 1)
      await store.stop()
      expect(await readdir(scratch.path)).toEqual(['default', 'wal'])
    }
  })

  test("a copy of a data directory in use is nobody's, as its lock file shows no heartbeat", async () => {
    await using scratch = await scratchDirectory()
    const original = join(scratch.path, 'original')
    const first = new FsStore({ path: original })
    await first.put(storeKey('a'), 1)
    await cp(original, join(scratch.path, 'copy'), { recursive: true })
    const second = new FsStore({ path: join(scratch.path, 'copy'), lockLeaseMs: 100 })
    expect(await second.get(storeKey('a'))).toEqual({ value: 1, version: 1 })
    await Promise.all([first.stop(), second.stop()])
  })

  test('one that waits gets it as soon as it is free', async () => {
    await using scratch = await scratchDirectory()
    const first = new FsStore({ path: scratch.path })
    await first.put(storeKey('a'), 1)
    const second = new FsStore({ path: scratch.path, lockWaitMs: 60_000 })
    const got = second.get(storeKey('a'))
    await first.stop()
    expect(await got).toEqual({ value: 1, version: 1 })
    await second.stop()
  })

  test('one that waits gives up when its time is over, and not before', async () => {
    await using scratch = await scratchDirectory()
    await using first = new FsStore({ path: scratch.path })
    await first.put(storeKey('a'), 1)
    const clock = new ManualClock()
    await using second = new FsStore({ path: scratch.path, lockWaitMs: 1_000, clock })
    const outcome = second.get(storeKey('a')).then(
      () => 'got it',
      (error: BeamClawError) => error.message,
    )
    let isOver = false
    void outcome.then(() => {
      isOver = true
    })
    for (let waitedMs = 0; waitedMs < 1_000; waitedMs += 200) {
      // The end of the wait, and the next look at the lock.
      await vi.waitUntil(() => clock.pendingTimers === 2)
      expect(isOver).toBe(false)
      await clock.advance(200)
    }
    expect(await outcome).toContain('It was still running after 1000 ms')
  })

  test('one whose lock is taken over says so and writes nothing more', async () => {
    await using scratch = await scratchDirectory()
    const store = new FsStore({ path: scratch.path, lockLeaseMs: 100 })
    await store.put(storeKey('a'), 1)
    const lock = join(scratch.path, '.lock')
    await writeFile(lock, (await readFile(lock, 'utf8')).replace(/"nonce":"[^"]+"/, '"nonce":"another"'))
    const taken = await vi.waitUntil(
      async () =>
        store.put(storeKey('a'), 2).then(
          () => undefined,
          (error: BeamClawError) => error,
        ),
      5_000,
    )
    expect(taken).toMatchObject({ code: 'store-failed' })
    expect(taken?.message).toContain('was taken over by another process')
    await store.stop()
    expect(existsSync(lock)).toBe(true)
  })

  test('a process that stood still looks again before it goes on, and not only with its next heartbeat', async () => {
    await using scratch = await scratchDirectory()
    const lost: string[] = []
    const options = { waitMs: 0, leaseMs: 200, clock: new SystemClock(), onLost: (problem: string) => void lost.push(problem) }
    const lock = await DirectoryLock.acquire(scratch.path, options)
    expect(lock.confirm()).toBeUndefined()
    const file = join(scratch.path, '.lock')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"nonce":"[^"]+"/, '"nonce":"another"'))
    // Longer than half a lease, with no turn for any timer.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    await lock.confirm()
    expect(lost).toEqual(['taken'])
    await lock.release()
  })

  test('what a process read before it stood still says nothing about afterwards', async () => {
    await using scratch = await scratchDirectory()
    const lost: string[] = []
    const options = { waitMs: 0, leaseMs: 200, clock: new SystemClock(), onLost: (problem: string) => void lost.push(problem) }
    const lock = await DirectoryLock.acquire(scratch.path, options)
    const file = join(scratch.path, '.lock')
    const standStill = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    const read = LockFile.prototype.read
    const spy = vi.spyOn(LockFile.prototype, 'read').mockImplementationOnce(async function (this: LockFile) {
      const state = await read.call(this)
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"nonce":"[^"]+"/, '"nonce":"another"'))
      standStill()
      return state
    })
    standStill()
    await lock.confirm()
    expect(lost).toEqual(['taken'])
    spy.mockRestore()
    await lock.release()
  })

  test('a claimant that was too slow puts back the lock of the one who came in between', async () => {
    await using scratch = await scratchDirectory()
    const file = new LockFile(scratch.path)
    const owner = (nonce: string): LockOwner => ({ pid: 1, started: '1', host: 'elsewhere', socket: undefined, nonce })
    await file.create(owner('dead'))
    const dead = await file.read()
    expect.assert(dead !== undefined)
    await file.removeDead(dead, 'faster')
    expect(await file.create(owner('faster'))).toBe(true)
    await file.removeDead(dead, 'slower')
    expect((await file.read())?.owner?.nonce).toBe('faster')
    expect(await file.create(owner('slower'))).toBe(false)
    expect(await readdir(scratch.path)).toEqual(['.lock'])
  })

  test('a store that stops keeps it until everything that was asked of it is done', async () => {
    await using scratch = await scratchDirectory()
    const [isRenaming, mayRename] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const fileSystem = faultyFileSystem(async (call) => {
      if (call !== 'rename') return
      isRenaming.resolve()
      await mayRename.promise
    })
    const store = new FsStore({ path: scratch.path, fileSystem })
    const ended: string[] = []
    const putting = store.put(storeKey('a'), 1).then(() => ended.push('put'))
    await isRenaming.promise
    const stopping = store.stop().then(() => ended.push('stop'))
    for (let round = 0; round < 10; round++) {
      const other = new FsStore({ path: scratch.path })
      await expectRejection(other.put(storeKey('a'), 2), 'store-locked')
    }
    mayRename.resolve()
    await Promise.all([putting, stopping])
    expect(ended).toEqual(['put', 'stop'])
  })

  test('a directory that is deleted while it is in use is given up for good; what is only part of it is made again', async () => {
    await using scratch = await scratchDirectory()
    const path = join(scratch.path, 'data')
    const store = new FsStore({ path })
    await store.put(storeKey('jobs', 'a'), 1)
    await rm(join(path, 'default'), { recursive: true })
    await store.put(storeKey('jobs', 'a'), 2)
    await rm(path, { recursive: true })
    expect(await store.get(storeKey('jobs', 'a'))).toBeUndefined()
    const error = await expectRejection(store.put(storeKey('jobs', 'a'), 3), 'store-failed')
    expect(error.message).toContain(`${path} was deleted`)
    await expectRejection(store.get(storeKey('jobs', 'a')), 'store-failed')
    await store.stop()
    await using next = new FsStore({ path })
    expect(await next.get(storeKey('jobs', 'a'))).toBeUndefined()
  })

  test('a place where no directory can be made, or that is none, is refused at once', async () => {
    if (existsSync('/proc/self')) await expectRejection(new FsStore({ path: '/proc/nowhere/data' }).get(storeKey('a')), 'store-io')
    const error = await expectRejection(new FsStore({ path: '/dev/null' }).get(storeKey('a')), 'store-io')
    expect(error.message).toContain('ENOTDIR')
    await expectRejection(new FsStore({ path: '/dev/null/data' }).get(storeKey('a')), 'store-io')
  })

  test('directories above a new one are made, too', async () => {
    await using scratch = await scratchDirectory()
    const path = join(scratch.path, 'one', 'two', 'three')
    await using store = new FsStore({ path })
    await store.put(storeKey('a'), 1)
    expect(existsSync(join(path, 'default'))).toBe(true)
  })

  const isRoot = process.getuid?.() === 0
  if (isRoot) console.log('skipped: root may write where the modes say that nobody may')

  test.skipIf(isRoot)('a directory that may not be written is store-io', async () => {
    await using scratch = await scratchDirectory()
    await chmod(scratch.path, 0o500)
    await expectRejection(new FsStore({ path: scratch.path }).get(storeKey('a')), 'store-io')
    await chmod(scratch.path, 0o700)
  })
})
