/** Errors in the background: they hold up nothing else, no caller waits for ever, and what was deleted or dropped does not come back. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import type { Witness } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import type { BeforeCall } from './testing/faulty-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { hastyClock as clock } from './testing/hasty-clock.ts'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'

const small = { walSegmentBytes: 4_000, walMaxBytes: 16_000, clock }
const [bad, other] = [storeKey('logs', 'bad'), storeKey('logs', 'other')]
const text = 'x'.repeat(300)

/** Fails the first call that `isIt` is true for, after `isArmed` was. */
function once(isArmed: (...call: Parameters<BeforeCall>) => boolean, isIt: (...call: Parameters<BeforeCall>) => boolean, code: string) {
  let state: 'waits' | 'armed' | 'done' = 'waits'
  const before: BeforeCall = (name, args) => {
    if (state === 'waits' && isArmed(name, args)) state = 'armed'
    else if (state === 'armed' && isIt(name, args)) {
      state = 'done'
      throw systemError(code)
    }
  }
  return { before, isDone: () => state === 'done' }
}

test('appends that wait for room which an error keeps from coming are refused, a deletion makes the room, and appends go on', async () => {
  await using scratch = await scratchDirectory('memory')
  let isFailing = false
  const fileSystem = faultyFileSystem((name, [path]) => {
    if (isFailing && name === 'open' && String(path).includes('bad.log')) throw systemError('EIO')
  })
  const store = new FsStore({ path: scratch.path, fileSystem, ...small })
  const stuck = await store.openLog(bad, fencingToken())
  isFailing = true
  await stuck.append(logRecords(1))
  const log = await store.openLog(other, fencingToken())
  let seq = 0
  const fill = async (): Promise<unknown> => {
    try {
      while (seq < 1_000) await log.append(logRecords(++seq, seq, text))
    } catch (error) {
      return error
    }
    return undefined
  }
  const error = await fill()
  expect(BeamClawError.isInstance(error, 'store-io') && error.message).toContain('making room in the write-ahead log')
  expect(await store.deleteLog(bad, fencingToken(2))).toBe(true)
  const again = await store.openLog(other, fencingToken(2))
  const from = ((await again.read()).records.at(-1)?.seq ?? 0) + 1
  for (const next of range(from, from + 100)) await again.append(logRecords(next, next, text))
  await store.stop()
}, 30_000)

test('an old generation that could not be removed when it was replaced is removed later, and its log moves on', async () => {
  await using scratch = await scratchDirectory('memory')
  const directory = join(scratch.path, 'default', 'logs')
  const newer = join(directory, 'bad.g2.log.jsonl')
  const first = new FsStore({ path: scratch.path, ...small })
  const old = await first.openLog(bad, fencingToken())
  await old.append(logRecords(1, 20, 'old words'))
  await old.close()
  // A stop moves only what its time allows, and this clock leaves it three milliseconds.
  await vi.waitUntil(() => existsSync(join(directory, 'bad.log.jsonl')), { timeout: 20_000 })
  await first.stop()
  const failing = once(
    (name, [path]) => name === 'unlink' && String(path).endsWith('bad.log.jsonl'),
    (name, [path]) => name === 'open' && path === directory,
    'EMFILE',
  )
  const store = new FsStore({ path: scratch.path, fileSystem: faultyFileSystem(failing.before), ...small })
  const log = await store.openLog(bad, fencingToken(2))
  await log.snapshot({ seq: 20, state: 1 }, { dropRecords: true })
  await log.append(logRecords(21))
  await log.close()
  await vi.waitUntil(failing.isDone, { timeout: 20_000 })
  const rest = await store.openLog(bad, fencingToken(3))
  expect((await rest.read()).records).toEqual(logRecords(21))
  await rest.append(logRecords(22))
  await rest.close()
  // It is moved after the error, too.
  await vi.waitUntil(() => readFileSync(newer, 'utf8').includes('"s":22,'), { timeout: 20_000 })
  await vi.waitUntil(() => readdirSync(directory).length === 1, { timeout: 20_000 })
  await store.stop()
  expect(readdirSync(directory)).toEqual(['bad.g2.log.jsonl'])
  expect(readFileSync(newer, 'utf8')).not.toContain('old words')
}, 60_000)

test('a deletion whose directory could not be synced is synced by the next try: a power cut brings nothing back', async () => {
  await using scratch = await scratchDirectory('memory')
  const data = join(scratch.path, 'data')
  await mkdir(data)
  const first = new LogProcess(data, { clock })
  await (await first.open(fencingToken(), bad)).append(logRecords(1))
  await first.stop()
  const crashing = new CrashFileSystem(data)
  const failing = once(
    (name, [path]) => name === 'unlink' && String(path).endsWith('bad.log.jsonl'),
    (name, [path]) => name === 'open' && String(path).endsWith('/default/logs'),
    'EMFILE',
  )
  const fileSystem = {
    ...crashing.fileSystem,
    unlink: async (path: string, witness?: Witness) => {
      await failing.before('unlink', [path])
      return await crashing.fileSystem.unlink(path, witness)
    },
    open: async (path: string, flags: 'r' | 'r+' | 'wx' | 'wxd') => {
      await failing.before('open', [path])
      return await crashing.fileSystem.open(path, flags)
    },
  }
  const owner = new LogProcess(data, { fileSystem, clock })
  const logs = await owner.logs
  await logs.delete(bad, fencingToken(2)).catch(() => {})
  await logs.delete(bad, fencingToken(2))
  expect(failing.isDone()).toBe(true)
  const after = join(scratch.path, 'after')
  crashing.crash(after, () => false)
  await owner.stop()
  expect(await (await new LogProcess(after).logs).readLog(bad, { fromSeq: 1, limit: 9 })).toBeUndefined()
})

test('a segment that could not be removed once is removed later, and no log at rest is forgotten', async () => {
  await using scratch = await scratchDirectory('memory')
  const failing = once(
    () => true,
    (name, [path]) => name === 'unlink' && String(path).includes('/wal/0'),
    'EIO',
  )
  const store = new FsStore({ path: scratch.path, fileSystem: faultyFileSystem(failing.before), ...small })
  const names = range(1, 60).map((count) => `s${count}`)
  for (const name of names) {
    const log = await store.openLog(storeKey('logs', name), fencingToken())
    await log.append(logRecords(1, 2, text))
    await log.close()
  }
  const moved = (): number => readdirSync(join(scratch.path, 'default', 'logs')).length
  await vi.waitUntil(() => failing.isDone() && moved() === names.length, { timeout: 5_000 })
  await store.stop()
})
