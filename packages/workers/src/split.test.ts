import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClawError, type TenantId } from '@beamclaw/core'
import { FsStore, lockDirectory } from '@beamclaw/store-fs'
import { expectRejection, fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isSharded, shardPath } from './shard-directory.ts'
import { allShards, shardOfKey } from './shards.ts'
import { splitDataDirectory } from './split.ts'
import type { SplitProgress } from './split-options.ts'
import { contentsOf, contentsOfShards, epoch, fillDirectory, sessionOf, withShards } from './testing/filled-directory.ts'

let scratch: string
let filled: string
let expected: Readonly<Record<string, unknown>>
let path: string

beforeAll(async () => {
  scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'beamclaw-split-'))
  filled = join(scratch, 'filled')
  await fillDirectory(filled)
  const copy = join(scratch, 'copy')
  cpSync(filled, copy, { recursive: true })
  expected = await read(copy)
})

beforeEach(() => {
  path = join(scratch, 'data')
  cpSync(filled, path, { recursive: true })
})

afterEach(() => rmSync(path, { recursive: true, force: true }))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function read(directory: string): Promise<Readonly<Record<string, unknown>>> {
  await using store = new FsStore({ path: directory })
  return await contentsOf(store)
}

function emptied(directory: string): void {
  rmSync(directory, { recursive: true })
  mkdirSync(directory)
}

/** The content of each file, by its path. */
function filesIn(directory: string): Record<string, string> {
  const names = globSync('**/*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    names.map(({ parentPath, name }) => [join(parentPath, name).slice(directory.length), readFileSync(join(parentPath, name), 'utf8')]),
  )
}

describe('a data directory that is split', () => {
  test('has everything in the shard where workers look for it, once, and the old layout beside it as it was', async () => {
    const before = filesIn(path)
    const report = await splitDataDirectory(path)
    expect(report).toMatchObject({ outcome: 'split', leftOut: [], damaged: [], damagedFiles: 0 })
    expect(Object.keys(expected).length).toBeGreaterThan(30)
    expect(await contentsOfShards(path)).toEqual(expected)
    for (const shard of allShards) {
      await using store = new FsStore({ path: shardPath(path, shard) })
      for (const tenant of ['default', 'other'] as readonly string[] as readonly TenantId[])
        for (const key of await store.list([tenant], { limit: 1_000 })) expect([key, shardOfKey(key)]).toEqual([key, shard])
    }
    expect(filesIn(join(path, 'unsplit.old'))).toEqual(before)
    expect(readdirSync(path).sort()).toEqual(['shards', 'shards.json', 'unsplit.old'])
  })

  test('keeps the epochs of logs: what an earlier owner was granted opens nothing', async () => {
    await splitDataDirectory(path)
    const ids = ['a', 'e', 'h', `d-${'x'.repeat(200)}`]
    await withShards(path, async (store) => {
      for (const id of ids) {
        const key = sessionOf(id)
        await expectRejection(store.openLog(key, fencingToken(epoch - 1)), 'fenced')
        const log = await store.openLog(key, fencingToken(epoch + 1))
        const { snapshot, records } = await log.read()
        expect(snapshot).toEqual(id === 'h' ? { seq: 7, state: { upTo: 7 } } : undefined)
        const last = records.at(-1)?.seq ?? 0
        await log.append(logRecords(last + 1))
      }
    })
  })

  test('is done once: the next split has nothing to do, and a store of a single process is refused', async () => {
    await splitDataDirectory(path)
    expect(await splitDataDirectory(path)).toMatchObject({ outcome: 'nothing' })
    expect(await splitDataDirectory(path, { dryRun: true })).toMatchObject({ outcome: 'nothing' })
    const store = new FsStore({ path })
    const error = await expectRejection(store.get(storeKey('grants', 'one')), 'invalid-option')
    expect(error.message).toContain('--workers')
    await store.stop()
    expect(readdirSync(path)).not.toContain('wal')
  })

  test('goes back to a single process by copying the shards into one directory, after an orderly stop', async () => {
    await splitDataDirectory(path)
    await contentsOfShards(path)
    const back = join(scratch, 'back')
    for (const shard of allShards) {
      const folder = shardPath(path, shard)
      const tenants = readdirSync(folder).filter((name) => name === 'default' || name === 'other')
      for (const tenant of tenants) cpSync(join(folder, tenant), join(back, tenant), { recursive: true })
    }
    expect(await read(back)).toEqual(expected)
  })

  test('tells how far it is, and ends at a signal without a trace', async () => {
    const before = filesIn(path)
    const told: SplitProgress[] = []
    const ending = new AbortController()
    const onProgress = (progress: SplitProgress): void => {
      told.push(progress)
      if (told.length === 9) ending.abort(new Error('enough'))
    }
    await expect(splitDataDirectory(path, { onProgress, signal: ending.signal })).rejects.toThrow('enough')
    expect(filesIn(path)).toEqual(before)
    expect(readdirSync(path)).not.toContain('shards.new')
    expect(told[0]).toMatchObject({ logs: 1, documents: 0 })
    expect(told.at(-1)?.bytes).toBeLessThan(told[0]?.ofBytes ?? 0)
    expect(await splitDataDirectory(path)).toMatchObject({ outcome: 'split' })
  })
})

describe('a dry run', () => {
  test('says what would be done, also beside a process that has the directory, and changes nothing', async () => {
    const held = await lockDirectory({ path })
    const before = filesIn(path)
    const report = await splitDataDirectory(path, { dryRun: true })
    expect(report).toMatchObject({ outcome: 'planned', leftOut: [] })
    expect(report.logs).toBeGreaterThan(6)
    expect(report.freeBytes).toBeGreaterThan(report.neededBytes)
    expect(report.neededBytes).toBeGreaterThan(report.bytes)
    expect(filesIn(path)).toEqual(before)
    await held.release()
  })
})

describe('what is not split', () => {
  test('a directory that a process uses', async () => {
    const held = await lockDirectory({ path })
    await expectRejection(splitDataDirectory(path), 'store-locked')
    await held.release()
  })

  test.each([
    ['a directory that is not there', () => rmSync(path, { recursive: true }), /is no data directory/],
    ['an empty one', () => emptied(path), /is no data directory/],
    [
      'one with a tenant of the name that the shards need',
      () => mkdirSync(join(path, 'shards', 'sessions'), { recursive: true }),
      /a tenant that is called "shards"/,
    ],
    ['one with the old layout of an earlier split', () => mkdirSync(join(path, 'unsplit.old')), /is left of an earlier split/],
    ['one with a symbolic link', () => symlinkSync(filled, join(path, 'default', 'linked')), /is a symbolic link/],
  ])('%s', async (_, prepare, problem) => {
    prepare()
    for (const dryRun of [true, false])
      expect((await expectRejection(splitDataDirectory(path, { dryRun }), 'invalid-option')).message).toMatch(problem)
    expect(isSharded(path)).toBe(false)
    expect(existsSync(join(path, 'shards.new'))).toBe(false)
  })

  test('names that the store does not give stay in the old layout, and are named', async () => {
    writeFileSync(join(path, 'notes.txt'), 'mine')
    expect((await splitDataDirectory(path)).leftOut).toEqual(['notes.txt'])
    expect(readFileSync(join(path, 'unsplit.old', 'notes.txt'), 'utf8')).toBe('mine')
  })

  test('files whose names begin with a dot are names of the user like any other, but for the lock', async () => {
    writeFileSync(join(path, '.env'), 'SECRET=1')
    mkdirSync(join(path, '.hidden'))
    expect([...(await splitDataDirectory(path)).leftOut].sort()).toEqual(['.env', '.hidden'])
    expect(readFileSync(join(path, 'unsplit.old', '.env'), 'utf8')).toBe('SECRET=1')
    expect(readdirSync(path).sort()).toEqual(['shards', 'shards.json', 'unsplit.old'])
    expect(readdirSync(join(path, 'unsplit.old')).filter((name) => name.startsWith('.lock'))).toEqual([])
  })

  test('a directory whose split the caller ends by an error of its own', async () => {
    const before = filesIn(path)
    const [own, typed] = [new Error('no'), new BeamClawError('overloaded', 'not now')]
    for (const error of [own, typed, 'text', Object.assign(new Error('theirs'), { code: 'ENOSPC' })]) {
      const onProgress = (): never => {
        throw error
      }
      expect(await splitDataDirectory(path, { onProgress }).catch((caught: unknown) => caught)).toBe(error)
    }
    expect(filesIn(path)).toEqual(before)
    expect(isSharded(path)).toBe(false)
  })

  test('folders that an interrupted first start with workers has left are no obstacle', async () => {
    for (const shard of allShards) mkdirSync(shardPath(path, shard), { recursive: true })
    expect(await splitDataDirectory(path)).toMatchObject({ outcome: 'split' })
    expect(await contentsOfShards(path)).toEqual(expected)
  })
})
