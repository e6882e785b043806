/** A stamp comes and goes durably: it is neither lost by a power cut, nor back after one beside a file that has changed. */
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { compareStamp, stampOf, stampPath, writeStamp } from './index-stamp.ts'
import { surveyIndex, surveyIndexOn } from './survey-index.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const entry = (number: number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt: number,
  settings: {},
})

async function folder(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return scratch.path
}

/** A data directory with an index and its stamp; no process uses it. */
async function closed(): Promise<{ readonly path: string; readonly stamp: string }> {
  const path = join(await folder(), 'data')
  const store = new FsStore({ path })
  await store.index.put(defaultTenant, [entry(1)])
  await store.index.complete(defaultTenant)
  await store.stop()
  return { path, stamp: stampPath(join(path, 'index.sqlite')) }
}

test('a stamp that was written is there after a power cut', async () => {
  const root = await folder()
  const [path, after] = [join(root, 'before'), join(root, 'after')]
  await mkdir(path)
  await writeFile(join(path, 'index.sqlite'), 'what it has')
  const crashing = new CrashFileSystem(path)
  const descriptor = await nodeFileSystem.open(join(path, 'index.sqlite'), 'r')
  onTestFinished(() => nodeFileSystem.close(descriptor))
  await writeStamp(crashing.fileSystem, join(path, 'index.sqlite'), await stampOf(nodeFileSystem, descriptor))
  crashing.crash(after, () => false)
  expect(await compareStamp(nodeFileSystem, join(after, 'index.sqlite'))).toBe('equal')
})

test('a stamp of another size is another file, whatever the checksum', async () => {
  const file = join(await folder(), 'index.sqlite')
  await writeFile(file, 'what it has')
  const descriptor = await nodeFileSystem.open(file, 'r')
  onTestFinished(() => nodeFileSystem.close(descriptor))
  const stamp = await stampOf(nodeFileSystem, descriptor)
  await writeStamp(nodeFileSystem, file, { ...stamp, size: stamp.size + 1 })
  expect(await compareStamp(nodeFileSystem, file)).toBe('changed')
  await writeStamp(nodeFileSystem, file, stamp)
  expect(await compareStamp(nodeFileSystem, file)).toBe('equal')
})

test('a stamp is of the whole file, also where the system reads less at once than it was asked for', async () => {
  const file = join(await folder(), 'index.sqlite')
  const bytes = Buffer.from('what it has, and more than that '.repeat(100))
  await writeFile(file, bytes)
  const descriptor = await nodeFileSystem.open(file, 'r')
  onTestFinished(() => nodeFileSystem.close(descriptor))
  const read: typeof nodeFileSystem.read = (from, into, offset, length, position) =>
    nodeFileSystem.read(from, into, offset, Math.min(length, 1_000), position)
  const sum = crc32(bytes).toString(16).padStart(8, '0')
  expect(await stampOf({ ...nodeFileSystem, read }, descriptor)).toEqual({ size: bytes.length, crc32: sum })
})

test.each([
  ['could not be removed', 'unlink'],
  ['was removed, but not durably', 'sync'],
] as const)('before a write, a stamp that %s the first time is removed the second time', async (_, failing) => {
  const { path, stamp } = await closed()
  const calls: string[] = []
  let isBroken = false
  const fileSystem = faultyFileSystem((name, args) => {
    if (name === 'unlink' && args[0] === stamp) calls.push('unlink')
    if (name === 'sync' || name === 'datasync') calls.push(name)
    if (!isBroken || name !== failing || (name === 'unlink' && args[0] !== stamp)) return
    isBroken = false
    throw systemError('EIO')
  })
  const store = new FsStore({ path, fileSystem })
  onTestFinished(() => store.stop())
  await store.index.status(defaultTenant)
  isBroken = true
  await expect(store.index.put(defaultTenant, [entry(2)])).rejects.toMatchObject({ code: 'store-io' })
  calls.length = 0
  await store.index.put(defaultTenant, [entry(2)])
  expect(calls).toEqual(['unlink', 'sync', 'datasync'])
  expect(existsSync(stamp)).toBe(false)
})

test('beside a log that another program keeps from being moved, no stamp is written: that program moves it later', async () => {
  const { path, stamp } = await closed()
  const reader = new DatabaseSync(join(path, 'index.sqlite'))
  const store = new FsStore({ path })
  await store.index.status(defaultTenant)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM sessions').get()
  await store.index.put(defaultTenant, [entry(2)])
  await store.stop()
  expect(existsSync(stamp)).toBe(false)
  reader.exec('COMMIT')
  reader.close()
  const next = new FsStore({ path })
  onTestFinished(() => next.stop())
  expect(await next.index.status(defaultTenant)).toEqual({ isComplete: true })
  expect(await next.index.page(defaultTenant, { sort: 'key', limit: 9 })).toHaveLength(2)
})

test('a stamp that goes while a survey reads the file says that a process writes, and not that the file is damaged', async () => {
  const { path, stamp } = await closed()
  await writeFile(join(path, 'index.sqlite'), Buffer.alloc(4_096, 0xa5), { flag: 'a' })
  expect(await surveyIndex(path)).toBe('damaged')
  let reads = 0
  const fileSystem = faultyFileSystem(async (name) => {
    if (name === 'read' && ++reads === 2) await rm(stamp)
  })
  expect(await surveyIndexOn(fileSystem, path)).toBe('unknown')
})
