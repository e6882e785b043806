import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { divideDirectory, measureDivision } from './division.ts'
import { FsStore } from './fs-store.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

/** The last characters of a session's name say where it goes. */
const indexOf = (key: StoreKey): number => (key[3]?.endsWith('odd') === true ? 1 : 0)
const long = `${'l'.repeat(300)}-odd`
const names = ['even', 'odd', long, `${long}-even`]

/** A data directory with sessions at rest and in the write-ahead log, as a kill leaves it. */
async function filled(path: string): Promise<void> {
  const store = new FsStore({ path })
  for (const name of names) {
    const log = await store.openLog(storeKey('sessions', 'ops', name), fencingToken(3))
    await log.append(logRecords(1, 4))
    await log.close()
    await store.blobs.put(storeKey('sessions', 'ops', name), Buffer.from(name))
    await store.put(storeKey('sessions', 'ops', name, 'metadata'), name.length)
  }
  await store.stop()
  const process = new LogProcess(path)
  for (const name of names) {
    const log = await process.open(fencingToken(5), storeKey('sessions', 'ops', name))
    await log.append(logRecords(5, 6))
  }
}

async function checkParts(paths: readonly string[]): Promise<void> {
  for (const [index, path] of paths.entries()) {
    await using store = new FsStore({ path })
    for (const name of names) {
      const key = storeKey('sessions', 'ops', name)
      const isHere = indexOf(key) === index
      expect(
        (await store.readLog(key))?.records.map(({ seq }) => seq),
        `${name} in ${index}`,
      ).toEqual(isHere ? range(1, 6) : undefined)
      expect((await store.get([...key, 'metadata']))?.value).toBe(isHere ? name.length : undefined)
      expect(await store.blobs.list(key)).toHaveLength(isHere ? 1 : 0)
      if (isHere) await expectRejection(store.openLog(key, fencingToken(4)), 'fenced')
    }
  }
}

describe('divideDirectory', () => {
  test('puts each session with all that is its own into one part, names that are no file names included', async () => {
    await using scratch = await scratchDirectory('memory')
    const from = join(scratch.path, 'data')
    await filled(from)
    const into = ['even', 'odd'].map((name) => join(scratch.path, name))
    const { logs, documents, blobs } = await measureDivision({ from })
    const result = await divideDirectory({ from, into, indexOf })
    expect(result).toMatchObject({ logs, documents, blobs, leftOut: [], damagedFiles: 0 })
    await checkParts(into)
  })

  test('has made every byte and every name durable when it resolves', async () => {
    await using scratch = await scratchDirectory('memory')
    const root = join(scratch.path, 'disk')
    await mkdir(root)
    await filled(join(root, 'data'))
    const crashing = new CrashFileSystem(root)
    const into = ['even', 'odd'].map((name) => join(root, name))
    await divideDirectory({ from: join(root, 'data'), into, indexOf, fileSystem: crashing.fileSystem })
    const cut = join(scratch.path, 'cut')
    crashing.crash(cut, () => false)
    await checkParts(['even', 'odd'].map((name) => join(cut, name)))
  })

  test('ends the writes of an owner that has lost its lock: what it is told of as written is in a part', async () => {
    await using scratch = await scratchDirectory('memory')
    const from = join(scratch.path, 'data')
    await mkdir(from)
    const zombie = await new LogProcess(from).open(fencingToken(1))
    await zombie.append(logRecords(1, 3))
    const into = [join(scratch.path, 'part')]
    await divideDirectory({ from, into, indexOf: () => 0 })
    await expectRejection(zombie.append(logRecords(4)), 'fenced')
    await using store = new FsStore({ path: into[0] ?? '' })
    expect((await store.readLog(logKey))?.records).toHaveLength(3)
  })

  test('names what it cannot place, and what is damaged', async () => {
    await using scratch = await scratchDirectory('memory')
    const from = join(scratch.path, 'data')
    await filled(from)
    await writeFile(join(from, ownPath), 'what somebody wrote\n')
    const nobody = `${'n'.repeat(60)}~${'0'.repeat(40)}`
    await writeFile(join(from, 'default', 'sessions', 'ops', `${nobody}.log.jsonl`), 'nothing\n')
    await writeFile(join(from, 'notes.txt'), 'mine')
    const into = ['even', 'odd'].map((name) => join(scratch.path, name))
    const { leftOut, damaged } = await divideDirectory({ from, into, indexOf })
    expect(leftOut).toEqual([join('default', 'sessions', 'ops', `${nobody}.log.jsonl`), 'notes.txt'])
    expect(damaged.map(({ file }) => file)).toEqual([ownPath])
  })

  test('rejects store-full, and leaves what there is for the caller', async () => {
    await using scratch = await scratchDirectory('memory')
    const from = join(scratch.path, 'data')
    await filled(from)
    let writes = 0
    const fileSystem = faultyFileSystem((name) => {
      if (name === 'write' && ++writes === 6) throw systemError('ENOSPC')
    })
    const into = [join(scratch.path, 'part')]
    await expectRejection(divideDirectory({ from, into, indexOf: () => 0, fileSystem }), 'store-full')
    expect(existsSync(into[0] ?? '')).toBe(true)
    expect(readdirSync(from).sort()).toEqual(['default', 'wal'])
  })
})
