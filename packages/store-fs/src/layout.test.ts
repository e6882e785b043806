import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BeamClawError, Clock } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import type { FsStoreOptions, SyncMode } from './options.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { logKey, logPath, scratchDirectory } from './testing/scratch.ts'

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true })
  return entries.map((entry) => join(path, entry)).sort()
}

describe('the data directory', () => {
  test('files are 0600 or less and directories 0700, whatever the umask', async () => {
    await using scratch = await scratchDirectory()
    const path = join(scratch.path, 'deep', 'data')
    const before = process.umask(0)
    try {
      await using store = new FsStore({ path })
      await store.put(storeKey('jobs', 'a'), 1)
      const log = await store.openLog(logKey, fencingToken())
      await log.append(logRecords(1, 3))
      await log.snapshot({ seq: 2, state: {} })
      await log.append(logRecords(4))
      const files = await filesBelow(join(scratch.path, 'deep'))
      expect(files.length).toBeGreaterThan(10)
      for (const file of files) {
        const { mode } = await stat(file)
        if ((await stat(file)).isDirectory()) expect([file, mode & 0o777]).toEqual([file, 0o700])
        else expect([0o600, 0o400], file).toContain(mode & 0o777)
      }
    } finally {
      process.umask(before)
    }
  })

  test('is laid out as documented, and can be read by people', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    await store.put(storeKey('jobs', 'Daily Report'), { cron: '0 9 * * *' })
    const log = await store.openLog(logKey, fencingToken(3, 'n'))
    await log.append(logRecords(1, 2, 'ü'))
    const names = (await readdir(join(scratch.path, logPath))).sort()
    expect(names).toEqual(['0001.jsonl', 'MANIFEST-0001'])
    const lines = (await readFile(join(scratch.path, logPath, '0001.jsonl'), 'utf8')).trimEnd().split('\n')
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object))).toEqual([
      ['s', 'g', 't', 'id', 'ts', 'd', 'c'],
      ['s', 'g', 't', 'id', 'ts', 'b', 'd', 'c'],
    ])
    expect(lines[0]).toMatch(/"d":\{"seq":1,"text":"ü"\},"c":"[0-9a-f]{8}"\}$/)
    const document = await readFile(join(scratch.path, 'default', 'jobs', '%44aily%20%52eport.json'), 'utf8')
    expect(JSON.parse(document)).toEqual({ version: 1, key: ['default', 'jobs', 'Daily Report'], value: { cron: '0 9 * * *' } })
  })

  test('deleting the directory of a session deletes that session and nothing else', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    for (const name of ['a', 'b']) await (await store.openLog(storeKey('sessions', 'ops', name), fencingToken())).append(logRecords(1))
    await store.put(storeKey('jobs', 'a'), 1)
    await rm(join(scratch.path, 'default', 'sessions', 'ops', 'a'), { recursive: true })
    expect(await store.list(storeKey())).toEqual([storeKey('jobs', 'a'), storeKey('sessions', 'ops', 'b')])
    const log = await store.openLog(storeKey('sessions', 'ops', 'a'), fencingToken())
    expect((await log.read()).records).toEqual([])
    await log.append(logRecords(1))
  })

  test('the files that people and crashes leave do not disturb it', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    await store.put(storeKey('jobs', 'a'), 1)
    const log = await store.openLog(logKey, fencingToken())
    await log.append(logRecords(1))
    for (const name of ['README.txt', '.DS_Store', '.tmp-doc-x-1', 'UPPER.json', 'a.json.bak', '%zz.json', 'b.json~']) {
      await writeFile(join(scratch.path, 'default', 'jobs', name), 'x')
    }
    await writeFile(join(scratch.path, logPath, '.tmp-log-x-1'), 'half')
    await mkdir(join(scratch.path, 'default', 'empty', 'dirs'), { recursive: true })
    await symlink(join(scratch.path, 'nowhere'), join(scratch.path, 'default', 'dangling'))
    expect(await store.list(storeKey())).toEqual([storeKey('jobs', 'a'), logKey])
    await log.close()
    expect((await (await store.openLog(logKey, fencingToken())).read()).records).toEqual(logRecords(1))
    expect(existsSync(join(scratch.path, logPath, '.tmp-log-x-1'))).toBe(false)
  })

  test('what a crash left half written goes when its directory is next written to', async () => {
    await using scratch = await scratchDirectory()
    const jobs = join(scratch.path, 'default', 'jobs')
    await mkdir(jobs, { recursive: true })
    for (const name of ['.tmp-doc-dead-1', '.tmp-doc-dead-22', '.tmp-docs', 'note.txt']) await writeFile(join(jobs, name), '{"version":1,')
    await using store = new FsStore({ path: scratch.path })
    await Promise.all(range(1, 20).map((index) => store.put(storeKey('jobs', `${index}`), index)))
    const left = (await readdir(jobs)).filter((name) => !name.endsWith('.json'))
    expect(left.sort()).toEqual(['.tmp-docs', 'note.txt'])
    expect(await store.list(storeKey())).toHaveLength(20)
  })

  test('the directory of another log is refused, by name, and left as it is', async () => {
    await using scratch = await scratchDirectory()
    const [mine, other] = [storeKey('sessions', 'ops', 'mine'), storeKey('sessions', 'ops', 'other')]
    const path = join(scratch.path, 'default', 'sessions', 'ops', 'mine')
    {
      await using store = new FsStore({ path: scratch.path })
      await (await store.openLog(other, fencingToken())).append(logRecords(1, 3))
    }
    await cp(join(scratch.path, 'default', 'sessions', 'ops', 'other'), path, { recursive: true })
    const before = await readdir(path)
    await using store = new FsStore({ path: scratch.path })
    const error = await expectRejection(store.openLog(mine, fencingToken(9)), 'log-corrupt')
    expect(error.message).toContain(`${path} holds the log of ${JSON.stringify(other)}`)
    expect(error.details).toMatchObject({ file: join(path, 'MANIFEST-0001'), offset: 0 })
    expect(await readdir(path)).toEqual(before)
    expect((await (await store.openLog(other, fencingToken(9))).read()).records).toEqual(logRecords(1, 3))
    expect(await store.delete(mine)).toBe(true)
    await (await store.openLog(mine, fencingToken())).append(logRecords(1))
  })

  test('a record is where the store says that it is', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    const first = await store.openLog(logKey, fencingToken(1))
    for (const seq of range(1, 3)) await first.append(logRecords(seq, seq, 'ü'.repeat(seq)))
    const log = await store.openLog(logKey, fencingToken(2))
    await log.append(logRecords(4, 6, 'ü'))
    for (const seq of range(1, 6)) {
      const place = await log.locate?.(seq)
      expect(place?.file).toBe(join(scratch.path, logPath, seq < 4 ? '0001.jsonl' : '0002.jsonl'))
      const bytes = await readFile(place?.file ?? '')
      expect(bytes.toString('utf8', place?.offset).startsWith(`{"s":${seq},`)).toBe(true)
    }
    await log.snapshot({ seq: 5, state: {} })
    expect(await log.locate?.(5)).toEqual({ file: join(scratch.path, logPath, 'snap-5.json'), offset: 0 })
    expect((await log.locate?.(6))?.file).toBe(join(scratch.path, logPath, '0002.jsonl'))
    expect(await log.locate?.(7)).toBeUndefined()
  })

  test('a document that was damaged is store-io, and can be written over only after it was deleted', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    await store.put(storeKey('jobs', 'a'), 1)
    await writeFile(join(scratch.path, 'default', 'jobs', 'a.json'), '{"version":1,')
    await expectRejection(store.get(storeKey('jobs', 'a')), 'store-io')
    await expectRejection(store.put(storeKey('jobs', 'a'), 2), 'store-io')
    expect(await store.delete(storeKey('jobs', 'a'))).toBe(true)
    expect(await store.put(storeKey('jobs', 'a'), 2)).toBe(1)
  })
})

describe('options', () => {
  test('a bad one names itself, what was expected and what came', () => {
    const bad: [Record<string, unknown>, string][] = [
      [{}, '"path"'],
      [{ path: '' }, '"path"'],
      [{ path: 'a\0b' }, '"path"'],
      [{ path: 7 }, 'received 7'],
      [{ path: 'x', sync: 'sometimes' }, 'one of "always", "batch", "os"'],
      [{ path: 'x', maxDocumentBytes: 0 }, 'whole number of at least 1'],
      [{ path: 'x', maxOpenFiles: 1.5 }, 'received 1.5'],
      [{ path: 'x', clock: 5 }, '"clock"'],
      [{ path: 'x', nonsense: true }, '"nonsense"'],
    ]
    for (const [options, part] of bad) {
      try {
        new FsStore(options as unknown as FsStoreOptions)
        expect.fail('it was accepted')
      } catch (error) {
        expect((error as BeamClawError).code).toBe('invalid-option')
        expect((error as BeamClawError).message).toContain(part)
      }
    }
  })

  test('maxDocumentBytes holds for documents, records and snapshots', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path, maxDocumentBytes: 1000 })
    const value = 'ü'.repeat(499)
    expect(await store.put(storeKey('a'), value)).toBe(1)
    await expectRejection(store.put(storeKey('a'), `${value}x`), 'document-too-large')
    await expectRejection((await store.openLog(logKey, fencingToken())).append(logRecords(1, 1, value)), 'document-too-large')
    await expectRejection((await store.openLog(logKey, fencingToken())).snapshot({ seq: 0, state: `${value}x` }), 'document-too-large')
  })

  test('every mode of syncing keeps records, and only "os" does not sync them', async () => {
    for (const sync of ['always', 'batch', 'os'] satisfies SyncMode[]) {
      await using scratch = await scratchDirectory()
      let syncs = 0
      const fileSystem = faultyFileSystem((name) => {
        if (name === 'datasync') syncs += 1
      })
      const store = new FsStore({ path: scratch.path, sync, fileSystem })
      const log = await store.openLog(logKey, fencingToken())
      await Promise.all(range(1, 100).map((seq) => log.append(logRecords(seq))))
      await log.append(logRecords(101))
      expect(syncs, sync).toBeLessThanOrEqual(3)
      if (sync === 'os') expect(syncs).toBe(0)
      else expect(syncs).toBeGreaterThanOrEqual(2)
      await store.stop()
      await using again = new FsStore({ path: scratch.path })
      expect((await (await again.openLog(logKey, fencingToken())).read()).records).toEqual(logRecords(1, 101))
    }
  })

  test('"batch" waits for company by the clock that it was given', async () => {
    await using scratch = await scratchDirectory()
    const waits: number[] = []
    let go = (): void => undefined
    const clock: Pick<Clock, 'setTimer'> = {
      setTimer(callback, delayMs) {
        waits.push(delayMs)
        go = callback
        return { cancel: () => undefined }
      },
    }
    const lines: number[] = []
    const fileSystem = faultyFileSystem((name) => {
      if (name === 'datasync') lines.push(waits.length)
    })
    await using store = new FsStore({ path: scratch.path, sync: 'batch', clock, fileSystem })
    const log = await store.openLog(logKey, fencingToken())
    const appends = range(1, 3).map((seq) => log.append(logRecords(seq)))
    expect([waits, lines]).toEqual([[5], []])
    go()
    await Promise.all(appends)
    expect([waits, lines]).toEqual([[5], [1]])
    const reading = log.read()
    go()
    expect((await reading).records).toEqual(logRecords(1, 3))
  })

  test('no more segments are open than maxOpenFiles says, and all logs go on', async () => {
    await using scratch = await scratchDirectory()
    let open = 0
    let most = 0
    const count = (name: string, change: number): void => {
      if (!name.endsWith('.jsonl')) return
      open += change
      most = Math.max(most, open)
    }
    const names = new Map<number, string>()
    const fileSystem = {
      ...nodeFileSystem,
      open: async (path: string, flags: 'r' | 'r+' | 'wx') => {
        const descriptor = await nodeFileSystem.open(path, flags)
        names.set(descriptor, path)
        count(path, 1)
        return descriptor
      },
      close: async (descriptor: number) => {
        count(names.get(descriptor) ?? '', -1)
        await nodeFileSystem.close(descriptor)
      },
    }
    const store = new FsStore({ path: scratch.path, maxOpenFiles: 5, sync: 'os', fileSystem })
    const logs = []
    for (const index of range(1, 40)) logs.push(await store.openLog(storeKey('s', `${index}`), fencingToken()))
    expect(store.openFiles).toBeLessThanOrEqual(5)
    for (const seq of range(1, 4)) {
      await Promise.all(logs.map((log) => log.append(logRecords(seq))))
      expect(store.openFiles).toBeLessThanOrEqual(5)
    }
    // One more for the segment that an opening is about to hand over.
    expect(most).toBeLessThanOrEqual(6)
    for (const log of logs) expect((await log.read()).records).toHaveLength(4)
    await store.stop()
    expect(open).toBe(0)
  })
})
