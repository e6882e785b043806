/** SQLite's log of the index, as a killed process leaves it: a bit of it that has changed hides nothing that was acknowledged. */
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { range } from '@beamclaw/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { isLogWhole } from './index-log.ts'
import { surveyIndex } from './survey-index.ts'
import { scratchDirectory } from './testing/scratch.ts'

const entry = (number: number, updatedAt = number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt,
  preview: `hello ${number} ${'x'.repeat(100)}`,
  settings: { owner: `owner-${number % 3}` },
})

/** Resolves with a directory that has the index of a process that was killed after `puts` calls, each acknowledged, under a mark that says complete. */
async function killed(puts: number, entriesOfPut = 1): Promise<{ readonly root: string; readonly path: string; readonly log: string }> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  const path = join(scratch.path, 'killed')
  await mkdir(path)
  // The mark is in the file, and only the puts are in the log.
  const first = new FsStore({ path: join(scratch.path, 'data') })
  await first.index.complete(defaultTenant)
  await first.stop()
  const store = new FsStore({ path: join(scratch.path, 'data') })
  for (const put of range(1, puts)) {
    const first = (put - 1) * entriesOfPut
    await store.index.put(
      defaultTenant,
      range(first + 1, first + entriesOfPut).map((number) => entry(number)),
    )
  }
  for (const name of ['index.sqlite', 'index.sqlite-wal']) await copyFile(join(scratch.path, 'data', name), join(path, name))
  await store.stop()
  return { root: scratch.path, path, log: join(path, 'index.sqlite-wal') }
}

async function after(path: string): Promise<{ readonly isComplete: boolean; readonly count: number }> {
  const store = new FsStore({ path })
  try {
    const found = await store.index.page(defaultTenant, { sort: 'updatedAt', limit: 1_000 })
    return { isComplete: (await store.index.status(defaultTenant)).isComplete, count: found.length }
  } finally {
    await store.stop()
  }
}

test('one changed bit, wherever it is in the log, is never a list without what was acknowledged', async () => {
  const { root, path, log } = await killed(6)
  const bytes = await readFile(log)
  const copy = join(root, 'copy')
  const believed: number[] = []
  // The step leads to each place of a word and to each bit, and the beginning has the header and the first frame's.
  for (const at of [...range(0, 55), ...range(0, Math.floor((bytes.length - 1) / 397)).map((part) => part * 397)]) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
    await rm(copy, { recursive: true, force: true })
    await mkdir(copy)
    await copyFile(join(path, 'index.sqlite'), join(copy, 'index.sqlite'))
    await writeFile(join(copy, 'index.sqlite-wal'), flipped)
    if ((await after(copy)).isComplete) believed.push(at)
  }
  expect(believed).toEqual([])
  expect(await after(path)).toEqual({ isComplete: true, count: 6 })
})

test('of a file beside a log that has something, a survey says nothing', async () => {
  const { path } = await killed(2)
  expect(await surveyIndex(path)).toBe('unknown')
})

test('the reason names the log', async () => {
  const { path, log } = await killed(2)
  const bytes = await readFile(log)
  await writeFile(log, bytes.fill(0xa5, 5_000, 5_010))
  const store = new FsStore({ path })
  onTestFinished(() => store.stop())
  expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false, reason: expect.stringContaining('write-ahead log') })
})

test('a log that ends in the middle of a frame, as a kill leaves it, is gone on with', async () => {
  const { path, log } = await killed(3)
  const { length } = await readFile(log)
  for (const cut of [1, 4_000, 4_096, 4_119]) {
    await truncate(log, length - cut)
    expect(await isLogWhole(nodeFileSystem, log), `without ${cut}`).toBe(true)
  }
  // The last frame was the mark of the last put.
  expect(await after(path)).toEqual({ isComplete: true, count: 2 })
})

test.each([0, 31, 32, 56, 4_000])('a log of %i bytes has nothing', async (length) => {
  const { log } = await killed(1)
  await truncate(log, length)
  expect(await isLogWhole(nodeFileSystem, log)).toBe(true)
})

test('a log of several pieces is looked through to its end, and one that is not there has nothing wrong', async () => {
  const { log } = await killed(110, 4)
  const bytes = await readFile(log)
  expect(bytes.length).toBeGreaterThan(2 * 1024 * 1024)
  expect(await isLogWhole(nodeFileSystem, log)).toBe(true)
  for (const at of [32, 1_100_000, bytes.length - 1]) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
    await writeFile(log, flipped)
    expect(await isLogWhole(nodeFileSystem, log), `at ${at}`).toBe(false)
  }
  await rm(log)
  expect(await isLogWhole(nodeFileSystem, log)).toBe(true)
})
