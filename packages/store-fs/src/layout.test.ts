import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BeamClawError, Clock } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import type { FsStoreOptions, SyncMode } from './options.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

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
      const store = new FsStore({ path })
      await store.put(storeKey('jobs', 'a'), 1)
      const log = await store.openLog(logKey, fencingToken())
      await log.append(logRecords(1, 3))
      await log.snapshot({ seq: 2, state: {} })
      await log.append(logRecords(4))
      const atRest = await store.openLog(storeKey('sessions', 'ops', 'rest'), fencingToken())
      await atRest.append(logRecords(1))
      await store.stop()
      const files = await filesBelow(join(scratch.path, 'deep'))
      expect(files.length).toBeGreaterThan(9)
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
    const store = new FsStore({ path: scratch.path })
    await store.put(storeKey('jobs', 'Daily Report'), { cron: '0 9 * * *' })
    const log = await store.openLog(logKey, fencingToken(3, 'n'))
    expect(await readdir(scratch.path)).not.toContain('default/sessions')
    await log.append(logRecords(1, 2, 'ü'))
    const [header = '', ...lines] = (await readFile(join(scratch.path, 'wal', '00000001.jsonl'), 'utf8')).trimEnd().split('\n')
    expect(JSON.parse(header)).toMatchObject({ wal: 1, number: 1, previous: 0, bytes: 0 })
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object))).toEqual([
      ['s', 'k', 'h', 'e', 'n', 't', 'id', 'ts', 'd', 'y', 'c'],
      ['s', 'k', 'h', 't', 'id', 'ts', 'd', 'c'],
    ])
    expect(lines[1]).toMatch(/^\{"s":2,"k":\["default","sessions","ops","main"\],.*"d":\{"seq":2,"text":"ü"\},"c":"[0-9a-f]{8}"\}$/)
    await log.snapshot({ seq: 2, state: { sum: 3 } })
    await store.stop()
    const own = (await readFile(join(scratch.path, ownPath), 'utf8')).trimEnd().split('\n')
    expect(own.slice(0, 2)).toEqual(lines)
    expect(JSON.parse(own[2] ?? '')).toMatchObject({ s: 2, e: 3, n: 'n', snapshot: { sum: 3 } })
    expect(await readdir(join(scratch.path, 'wal'))).toEqual(['00000002.jsonl'])
    const document = await readFile(join(scratch.path, 'default', 'jobs', '%44aily%20%52eport.json'), 'utf8')
    expect(JSON.parse(document)).toMatchObject({ version: 1, key: ['default', 'jobs', 'Daily Report'], value: { cron: '0 9 * * *' } })
  })

  test('deleting the file of a session at rest deletes that session and nothing else', async () => {
    await using scratch = await scratchDirectory()
    const earlier = new FsStore({ path: scratch.path })
    for (const name of ['a', 'b']) await (await earlier.openLog(storeKey('sessions', 'ops', name), fencingToken())).append(logRecords(1))
    await earlier.put(storeKey('jobs', 'a'), 1)
    await earlier.stop()
    await using store = new FsStore({ path: scratch.path })
    expect(await store.list(storeKey())).toHaveLength(3)
    await rm(join(scratch.path, 'default', 'sessions', 'ops', 'a.log.jsonl'))
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
    await mkdir(join(scratch.path, 'default', 'empty', 'dirs'), { recursive: true })
    await symlink(join(scratch.path, 'nowhere'), join(scratch.path, 'default', 'dangling'))
    expect(await store.list(storeKey())).toEqual([storeKey('jobs', 'a'), logKey])
    await log.close()
    expect((await (await store.openLog(logKey, fencingToken())).read()).records).toEqual(logRecords(1))
  })

  test('the directory of documents goes with the last of them, whatever else is written into it at that moment', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    const names = (folder: string) => range(1, 20).map((number) => storeKey('sessions', 'ops', folder, `${number}`))
    for (const key of names('gone')) await store.put(key, 1)
    expect(await Promise.all(names('gone').map((key) => store.delete(key)))).not.toContain(false)
    expect(await readdir(join(scratch.path, 'default/sessions/ops'))).toEqual([])
    for (let round = 0; round < 10; round++) {
      await store.put(storeKey('sessions', 'ops', 'kept', 'first'), round)
      await Promise.all([
        store.delete(storeKey('sessions', 'ops', 'kept', 'first')),
        ...names('kept').map((key) => store.put(key, round)),
        store.openLog(storeKey('sessions', 'ops', 'kept', 'log'), fencingToken(round + 1)).then(async (log) => {
          await log.append(logRecords(round + 1))
          await log.close()
        }),
      ])
      for (const key of names('kept')) expect(await store.get(key)).toMatchObject({ value: round })
      await Promise.all(names('kept').map((key) => store.delete(key)))
    }
    expect((await store.readLog(storeKey('sessions', 'ops', 'kept', 'log')))?.lastSeq).toBe(10)
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

  test('a record is where the store says that it is', async () => {
    await using scratch = await scratchDirectory()
    const earlier = new FsStore({ path: scratch.path })
    const first = await earlier.openLog(logKey, fencingToken(1))
    for (const seq of range(1, 3)) await first.append(logRecords(seq, seq, 'ü'.repeat(seq)))
    await earlier.stop()
    await using store = new FsStore({ path: scratch.path })
    const log = await store.openLog(logKey, fencingToken(2))
    await log.append(logRecords(4, 6, 'ü'))
    const lineAt = async (seq: number): Promise<{ file: string; line: string }> => {
      const { file = '', offset = 0 } = (await log.locate?.(seq)) ?? {}
      return { file, line: (await readFile(file)).toString('utf8', offset) }
    }
    for (const seq of range(1, 6)) {
      const { file, line } = await lineAt(seq)
      expect(file).toBe(join(scratch.path, seq < 4 ? ownPath : 'wal/00000003.jsonl'))
      expect(line.startsWith(`{"s":${seq},`)).toBe(true)
    }
    await log.snapshot({ seq: 5, state: 'five' })
    expect((await lineAt(5)).line).toMatch(/^\{"s":5,.*"snapshot":"five"/)
    expect((await lineAt(6)).line).toMatch(/^\{"s":6,.*"t":"note"/)
    expect(await log.locate?.(7)).toBeUndefined()
  })

  test('a document that was damaged is log-corrupt, and can be written over only after it was deleted', async () => {
    await using scratch = await scratchDirectory()
    await using store = new FsStore({ path: scratch.path })
    await store.put(storeKey('jobs', 'a'), 1)
    const file = join(scratch.path, 'default', 'jobs', 'a.json')
    const good = await readFile(file)
    for (let bit = 0; bit < good.length * 8; bit += 7) {
      const bad = Buffer.from(good)
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await writeFile(file, bad)
      await expectRejection(store.get(storeKey('jobs', 'a')), 'log-corrupt')
    }
    await writeFile(file, '{"version":1,')
    const error = await expectRejection(store.put(storeKey('jobs', 'a'), 2), 'log-corrupt')
    expect(error.message).toContain('run `beamclaw doctor --repair`')
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
      [{ path: 'x', walMaxBytes: 0 }, 'whole number of at least 1'],
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

  test('no more files of logs are open than maxOpenFiles says, however many logs there are, and closed logs leave nothing', async () => {
    await using scratch = await scratchDirectory()
    let open = 0
    let most = 0
    const names = new Map<number, string>()
    const count = (path: string, change: number): void => {
      if (!path.endsWith('.log.jsonl')) return
      open += change
      most = Math.max(most, open)
    }
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
    const store = new FsStore({ path: scratch.path, maxOpenFiles: 5, fileSystem })
    const logs = []
    for (const index of range(1, 40)) logs.push(await store.openLog(storeKey('s', `${index}`), fencingToken()))
    for (const seq of range(1, 4)) await Promise.all(logs.map((log) => log.append(logRecords(seq))))
    expect(most).toBe(0)
    for (const log of logs) expect((await log.read()).records).toHaveLength(4)
    await store.stop()
    expect(most).toBeLessThanOrEqual(5)
    expect(most).toBeGreaterThan(0)
    expect(open).toBe(0)
    expect(await readdir(join(scratch.path, 'default', 's'))).toHaveLength(40)
  })
})
