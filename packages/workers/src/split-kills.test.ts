/** A split that is killed between any two calls to the system, and what comes next: it loses nothing, and doubles nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FsStore, nodeFileSystem } from '@beamclaw/store-fs'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { isSharded, prepareShards } from './shard-directory.ts'
import { splitDataDirectory } from './split.ts'
import { finishSplit } from './split-finish.ts'
import { dyingFileSystem } from './testing/dying-file-system.ts'
import { contentsOf, contentsOfShards, epoch, fillDirectory, sessionOf } from './testing/filled-directory.ts'

type Contents = Readonly<Record<string, unknown>>

let scratch: string
let filled: string
let path: string
let expected: Contents
let before: Readonly<Record<string, string>>

beforeAll(async () => {
  scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'beamclaw-split-'))
  filled = join(scratch, 'filled')
  path = join(scratch, 'data')
  await fillDirectory(filled)
  before = filesIn(filled)
  cpSync(filled, path, { recursive: true })
  expected = await readAlone()
  rmSync(path, { recursive: true })
})

afterEach(() => rmSync(path, { recursive: true, force: true }))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What a process without workers finds. */
async function readAlone(): Promise<Contents> {
  await using store = new FsStore({ path })
  return await contentsOf(store)
}

/** What the next start with workers finds: it finishes what is left to do, as a parent does. */
async function readWithWorkers(): Promise<Contents> {
  await finishSplit(nodeFileSystem, path)
  prepareShards(path)
  return await contentsOfShards(path)
}

/** The content of each file but those of the shards, by its path. */
function filesIn(directory: string): Record<string, string> {
  const names = globSync('**/*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = names.map(({ parentPath, name }) => join(parentPath, name))
  const found = files.map((file) => [file.slice(directory.length + 1), readFileSync(file, 'utf8')] as const)
  return Object.fromEntries(found.filter(([name]) => !name.startsWith('shards')))
}

/** A process without workers goes on in the old layout; what it wrote is there after the split. */
async function goOnAlone(): Promise<Contents> {
  expect(await readAlone()).toEqual(expected)
  const store = new FsStore({ path })
  const log = await store.openLog(sessionOf('a'), fencingToken(epoch + 1))
  await log.append(logRecords(6, 7))
  await store.put(storeKey('grants', 'two'), 'written meanwhile')
  await store.stop()
  return await readAlone()
}

test('a kill between any two calls leaves the old layout as it was, or all shards whole', { timeout: 240_000 }, async () => {
  cpSync(filled, path, { recursive: true })
  const whole = dyingFileSystem()
  await splitDataDirectory(path, { fileSystem: whole.fileSystem })
  const calls = whole.calls()
  rmSync(path, { recursive: true })
  const seen = { old: 0, shards: 0 }
  const left = join(scratch, 'left')
  for (let deathAt = 1; deathAt <= calls; deathAt++) {
    if (!existsSync(path)) cpSync(filled, path, { recursive: true })
    await expect(splitDataDirectory(path, { fileSystem: dyingFileSystem(deathAt).fileSystem })).rejects.toThrow()
    const isSplit = isSharded(path)
    seen[isSplit ? 'shards' : 'old'] += 1
    const note = `killed at call ${deathAt} of ${calls}`
    if (!isSplit) expect(filesIn(path), note).toEqual(before)
    // Where the layouts change places each way to go on is taken, before that one at every 25th point.
    const ways = calls - deathAt < 25 ? [0, 1, 2] : deathAt % 25 === 0 ? [(deathAt / 25) % 3] : []
    if (ways.length === 0) {
      rmSync(join(path, 'shards.new'), { recursive: true, force: true })
      continue
    }
    renameSync(path, left)
    for (const way of ways) {
      cpSync(left, path, { recursive: true })
      let there = expected
      if (way === 1 && isSplit) expect(await readWithWorkers(), note).toEqual(expected)
      else if (way === 1) expect(() => prepareShards(path), note).toThrow('beamclaw workers split')
      if (way === 2 && isSplit) await expect(readAlone(), note).rejects.toThrow('--workers')
      else if (way === 2) there = await goOnAlone()
      await splitDataDirectory(path)
      expect(await readWithWorkers(), note).toEqual(there)
      expect(existsSync(join(path, 'shards.new')) || existsSync(join(path, 'wal')), note).toBe(false)
      rmSync(path, { recursive: true })
    }
    rmSync(left, { recursive: true })
  }
  expect(seen.old).toBeGreaterThan(200)
  expect(seen.shards).toBeGreaterThan(8)
})

test('a process that is killed in the middle of a split leaves no lock that another one would have to wait for', {
  timeout: 60_000,
}, async () => {
  const script = fileURLToPath(new URL('testing/run-split.ts', import.meta.url))
  for (const afterMs of [0, 5, 15, 40]) {
    cpSync(filled, path, { recursive: true })
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', script, path], { stdio: 'ignore' })
    while (!existsSync(join(path, '.lock')) && child.exitCode === null) await sleep(1)
    await sleep(afterMs)
    child.kill('SIGKILL')
    if (child.exitCode === null) await once(child, 'exit')
    await splitDataDirectory(path)
    expect(await readWithWorkers(), `killed after ${afterMs} ms`).toEqual(expected)
    rmSync(path, { recursive: true })
  }
})
