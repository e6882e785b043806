import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { backupDirectory } from './backup.ts'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { readLogBeside } from './read-log-beside.ts'
import { chance } from './testing/chance.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canMount) console.log('skipped: a backup to a real full disk needs the right to mount a tmpfs')

const blob = 'a'.repeat(64)

/** A data directory with an own file, lines in the write-ahead log, a document and a blob. Its store runs. */
async function filled(path: string): Promise<FsStore> {
  const store = new FsStore({ path })
  const log = await store.openLog(logKey, fencingToken(1))
  await log.append(logRecords(1, 20))
  await log.close()
  while (!existsSync(join(path, ownPath))) await new Promise((resolve) => setTimeout(resolve, 5))
  const again = await store.openLog(logKey, fencingToken(2))
  await again.append(logRecords(21, 25))
  // Alone in its directory.
  const diary = await store.openLog(storeKey('diary', 'today'), fencingToken(1))
  await diary.append(logRecords(1, 2))
  await diary.close()
  while (!existsSync(join(path, 'default/diary/today.log.jsonl'))) await new Promise((resolve) => setTimeout(resolve, 5))
  const other = await store.openLog(storeKey('sessions', 'ops', 'new'), fencingToken(1))
  await other.append(logRecords(1, 3))
  await store.put(storeKey('jobs', 'report'), { due: 1 })
  await mkdir(join(path, 'default/sessions/ops/main.blobs'))
  await writeFile(join(path, 'default/sessions/ops/main.blobs', blob), 'picture')
  return store
}

async function checkFilled(path: string): Promise<void> {
  await using copy = new FsStore({ path })
  const seqs = async (key: typeof logKey) => (await copy.readLog(key))?.records.map(({ seq }) => seq)
  expect(await seqs(logKey)).toEqual(range(1, 25))
  expect(await seqs(storeKey('sessions', 'ops', 'new'))).toEqual([1, 2, 3])
  expect(await seqs(storeKey('diary', 'today'))).toEqual([1, 2])
  expect(await copy.get(storeKey('jobs', 'report'))).toEqual({ value: { due: 1 }, version: 1 })
  expect(await readFile(join(path, 'default/sessions/ops/main.blobs', blob), 'utf8')).toBe('picture')
}

/** The content of each file, by its path. */
function filesIn(path: string): Record<string, string> {
  const names = globSync('**/*', { cwd: path, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    names.map((entry) => [join(entry.parentPath, entry.name).slice(path.length), readFileSync(join(entry.parentPath, entry.name), 'utf8')]),
  )
}

describe('a backup', () => {
  test('has logs, documents and blobs beside a running owner, says what it copied, and is for nobody else to read', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using _ = await filled(from)
    const seen: number[] = []
    const result = await backupDirectory({ from, to, onProgress: ({ bytes }) => seen.push(bytes) })
    expect(result).toEqual({ logs: 3, documents: 1, blobs: 1, bytes: seen.at(-1), leftOut: [], damaged: [], damagedFiles: 0 })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect((await stat(to)).mode & 0o777).toBe(0o700)
    expect((await stat(join(to, ownPath))).mode & 0o777).toBe(0o600)
    expect(await readdir(scratch.path)).toEqual(['copy', 'data'])
    await checkFilled(to)
  })

  test('works without an owner, and of a copy', async () => {
    await using scratch = await scratchDirectory()
    const from = join(scratch.path, 'data')
    const store = await filled(from)
    await store.stop()
    await backupDirectory({ from, to: join(scratch.path, 'copy') })
    await checkFilled(join(scratch.path, 'copy'))
    await backupDirectory({ from: join(scratch.path, 'copy'), to: join(scratch.path, 'second') })
    await checkFilled(join(scratch.path, 'second'))
  })

  test('goes into an empty directory that is there', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using _ = await filled(from)
    await mkdir(to)
    await backupDirectory({ from, to })
    await checkFilled(to)
  })

  test('cuts an own file after its last whole line when a move is writing to it', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await mkdir(from)
    const first = new LogProcess(from)
    await (await first.open()).append(logRecords(1, 3))
    await first.stop()
    const whole = await readFile(join(from, ownPath), 'utf8')
    await (await new LogProcess(from).open(fencingToken(2))).append(logRecords(4))
    await writeFile(join(from, ownPath), `${whole}{"s":4,"k":["def`)
    await backupDirectory({ from, to })
    expect(await readFile(join(to, ownPath), 'utf8')).toBe(whole)
    expect((await (await new LogProcess(to).open(fencingToken(3))).read()).records).toEqual(logRecords(1, 4))
  })

  test.each([1, 3])('has the damaged end of a log at rest with %i records as it is, and does not look whole without it', async (count) => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await mkdir(from)
    const first = new LogProcess(from)
    await (await first.open()).append(logRecords(1, count))
    await first.stop()
    const whole = await readFile(join(from, ownPath), 'utf8')
    for (const [index, end] of ['*', '', '"}'].entries()) {
      const damaged = whole.slice(0, -1) + end
      await writeFile(join(from, ownPath), end === '' ? whole.slice(0, -10) : damaged)
      await backupDirectory({ from, to: `${to}${index}` })
      expect(await readFile(join(`${to}${index}`, ownPath), 'utf8')).toBe(await readFile(join(from, ownPath), 'utf8'))
      await expectRejection(new LogProcess(`${to}${index}`).open(fencingToken(9)), 'log-corrupt')
    }
  })

  test('leaves out the lock, temporary files, the index and the lists of busy sessions, in files and in lines', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using store = await filled(from)
    for (const name of ['activity', 'activity-2']) {
      const log = await store.openLog(storeKey(name), fencingToken(1))
      await log.append(logRecords(1, 3))
      await log.close()
      while (!existsSync(join(from, `default/${name}.log.jsonl`))) await new Promise((resolve) => setTimeout(resolve, 5))
      await (await store.openLog(storeKey(name), fencingToken(2))).append(logRecords(4, 5))
    }
    // A session of that name is none of them.
    await (await store.openLog(storeKey('sessions', 'ops', 'activity'), fencingToken(1))).append(logRecords(1, 2))
    for (const name of ['index.sqlite', 'index.sqlite-wal', 'default/.tmp-doc-1', 'default/sessions/ops/.tmp-log-2'])
      await writeFile(join(from, name), 'x')
    await backupDirectory({ from, to })
    const names = Object.keys(filesIn(to))
    expect(names.filter((name) => /lock|tmp|index|activity/.test(name))).toEqual([])
    const lines = Object.values(filesIn(to)).join('').split('\n')
    expect(lines.filter((line) => line.includes('"k":["default","activity'))).toEqual([])
    await using copy = new FsStore({ path: to })
    expect((await copy.readLog(storeKey('sessions', 'ops', 'activity')))?.lastSeq).toBe(2)
  })

  test('follows no symbolic link, copies no foreign name, and says so', async () => {
    await using scratch = await scratchDirectory()
    const [from, to, outside] = [join(scratch.path, 'data'), join(scratch.path, 'copy'), join(scratch.path, 'outside')]
    await using _ = await filled(from)
    await mkdir(outside)
    await writeFile(join(outside, 'secret.json'), 'secret')
    await symlink(outside, join(from, 'default/linked'))
    await symlink(join(outside, 'secret.json'), join(from, 'default/jobs/secret.json'))
    await writeFile(join(from, 'README'), 'mine')
    await writeFile(join(from, 'default/jobs/Not a Key.json'), 'mine')
    const { leftOut } = await backupDirectory({ from, to })
    expect(leftOut).toEqual(['README', 'default/jobs/Not a Key.json', 'default/jobs/secret.json', 'default/linked'])
    expect(Object.values(filesIn(to)).join('')).not.toMatch(/secret|mine/)
    await checkFilled(to)
  })

  test('has nothing of a log whose deletion is durable, also while its file is still there', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await mkdir(from)
    const first = new LogProcess(from)
    await (await first.open()).append(logRecords(1, 3))
    await first.stop()
    const fileSystem = faultyFileSystem((name, [path]) => {
      if (name === 'unlink' && String(path).endsWith(ownPath)) throw systemError('EIO')
    })
    const owner = new LogProcess(from, { fileSystem })
    await expect((await owner.logs).delete(logKey, { epoch: 1, nonce: 'a' })).rejects.toThrow('EIO')
    expect(existsSync(join(from, ownPath))).toBe(true)
    expect(await backupDirectory({ from, to })).toMatchObject({ logs: 0 })
    expect(existsSync(join(to, ownPath))).toBe(false)
    for await (const line of readLogBeside({ path: from, key: logKey })) expect.unreachable(line.kind)
  })

  test('keeps a damaged log as damaged as it is, and the others whole', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    const owner = new LogProcess(from)
    await mkdir(from)
    const log = await owner.open()
    const other = await owner.open(undefined, storeKey('sessions', 'ops', 'other'))
    for (const seq of range(1, 5)) {
      await log.append(logRecords(seq))
      await other.append(logRecords(seq))
    }
    const segment = join(from, 'wal/00000001.jsonl')
    const text = await readFile(segment, 'utf8')
    const line = text.split('\n').find((one) => one.startsWith('{"s":3,"k":["default","sessions","ops","main"]')) ?? ''
    await writeFile(segment, text.replace(line, line.replace('"ts"', '"tX"')))
    const { damaged, damagedFiles } = await backupDirectory({ from, to })
    expect({ damaged, damagedFiles }).toEqual({ damaged: [{ file: ownPath, key: logKey, lines: 1 }], damagedFiles: 1 })
    await using copy = new FsStore({ path: to })
    await expectRejection(copy.openLog(logKey, fencingToken(9)), 'log-corrupt')
    expect((await copy.readLog(storeKey('sessions', 'ops', 'other')))?.lastSeq).toBe(5)
  })
})

describe('a backup is refused', () => {
  test('where something is, in the data directory, around it, and without a data directory', async () => {
    await using scratch = await scratchDirectory()
    const from = join(scratch.path, 'data')
    await using _ = await filled(from)
    await writeFile(join(scratch.path, 'file'), '')
    await mkdir(join(scratch.path, 'full/inner'), { recursive: true })
    for (const [to, text] of [
      ['full', 'not an empty directory. Name another directory, or remove it first'],
      ['file', 'not an empty directory. Name another directory, or remove it first'],
      ['data/copy', 'it is in the data directory, or around it. Name a directory elsewhere'],
      ['data', 'it is in the data directory, or around it'],
      ['.', 'it is in the data directory, or around it'],
      ['missing/copy', 'does not exist. Make that directory'],
    ] as const) {
      const error = await expectRejection(backupDirectory({ from, to: join(scratch.path, to) }), 'invalid-option')
      expect(error.message).toContain(text)
    }
    for (const path of ['full', 'missing']) {
      const error = await expectRejection(
        backupDirectory({ from: join(scratch.path, path), to: join(scratch.path, 'copy') }),
        'invalid-option',
      )
      expect(error.message).toContain('is no data directory')
    }
    await expectRejection(backupDirectory({ from, to: '' }), 'invalid-option')
    await expectRejection(backupDirectory({ from, to: 'x', too: 1 } as never), 'invalid-option')
    await expectRejection(backupDirectory({ from, to: 'x', signal: {} } as never), 'invalid-option')
    expect((await readdir(scratch.path)).toSorted()).toEqual(['data', 'file', 'full'])
  })

  test('while another process may be at one to the same place; what a dead process left is removed', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using _ = await filled(from)
    let refused: unknown
    await backupDirectory({
      from,
      to,
      fileSystem: faultyFileSystem(async (name) => {
        if (name === 'open' && refused === undefined) refused = await expectRejection(backupDirectory({ from, to }), 'invalid-option')
      }),
    })
    expect(String(refused)).toMatch(/another process may be at a backup to it \(copy\.partial-[^)]+\)\. Wait for it/)
    await checkFilled(to)
  })
})

test('a copy has an attachment without bytes, too', async () => {
  await using scratch = await scratchDirectory('memory')
  const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
  const store = new FsStore({ path: from })
  const id = await store.blobs.put(logKey, new Uint8Array())
  await backupDirectory({ from, to })
  await store.stop()
  await using copy = new FsStore({ path: to })
  expect(await copy.blobs.list(logKey)).toEqual([{ id, size: 0 }])
})

describe('a backup that fails', () => {
  test.skipIf(!canMount)('on a full disk: store-full, and nothing is left of it', async () => {
    await using scratch = await scratchDirectory()
    const [from, disk] = [join(scratch.path, 'data'), join(scratch.path, 'disk')]
    await using store = await filled(from)
    await store.put(storeKey('jobs', 'large'), 'x'.repeat(500_000))
    await mkdir(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', disk])
    try {
      await expectRejection(backupDirectory({ from, to: join(disk, 'copy') }), 'store-full')
      expect(await readdir(disk)).toEqual([])
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })

  test.each(['write', 'sync', 'rename', 'open', 'makeDirectory', 'read'] as const)(
    'at a %s: store-io, and nothing is left of it',
    async (call) => {
      await using scratch = await scratchDirectory()
      const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
      await using _ = await filled(from)
      for (const at of range(1, call === 'rename' ? 1 : 3)) {
        let count = 0
        const fileSystem = faultyFileSystem((name) => {
          if (name === call && ++count === at) throw systemError('EIO')
        })
        await expectRejection(backupDirectory({ from, to, fileSystem }), 'store-io')
        expect(await readdir(scratch.path)).toEqual(['data'])
      }
    },
  )

  test('has ended when it rejects: no call is under way any more', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using store = await filled(from)
    for (const number of range(1, 20)) await store.put(storeKey('jobs', `job-${number}`), { number })
    let [writes, isOver] = [0, false]
    const late: string[] = []
    const fileSystem = faultyFileSystem(async (name, args) => {
      if (isOver) late.push(name)
      if (name === 'open' && String(args[0]).includes('job-') && ++writes === 3) throw systemError('EIO')
      if (name === 'open') await new Promise((resolve) => setTimeout(resolve, 5))
    })
    await expectRejection(backupDirectory({ from, to, fileSystem }), 'store-io')
    isOver = true
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(late).toEqual([])
    expect(await readdir(scratch.path)).toEqual(['data'])
  })

  test('because it is ended: it rejects with the reason of the signal, and nothing is left of it', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await using _ = await filled(from)
    const controller = new AbortController()
    const copying = backupDirectory({ from, to, signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) })
    await expect(copying).rejects.toThrow('enough')
    expect(await readdir(scratch.path)).toEqual(['data'])
  })
})

test('a power cut at any moment of a backup leaves no directory of its name, or the whole copy', async () => {
  await using scratch = await scratchDirectory('memory')
  await using _ = await filled(join(scratch.path, 'original'))
  const next = chance(3)
  let whole: Record<string, string> | undefined
  for (let cutAt = 10_000, round = 0; cutAt > 0; round++) {
    const root = join(scratch.path, `${round}`)
    execFileSync('cp', ['-r', join(scratch.path, 'original'), '--', `${scratch.path}/data-${round}`])
    await mkdir(root)
    let calls = 0
    const crashing = new CrashFileSystem(root, () => {
      if (++calls >= cutAt) throw systemError('EIO')
    })
    const made = await backupDirectory({
      from: `${scratch.path}/data-${round}`,
      to: join(root, 'copy'),
      fileSystem: crashing.fileSystem,
    }).then(
      () => true,
      () => false,
    )
    const mode = next(3)
    crashing.crash(join(scratch.path, `${round}-after`), () => (mode === 0 ? false : mode === 1 ? true : next(2) === 0))
    const copy = join(scratch.path, `${round}-after/copy`)
    whole ??= filesIn(copy)
    expect(Object.keys(whole)).toHaveLength(6)
    if (made) expect(existsSync(copy)).toBe(true)
    if (existsSync(copy)) expect(filesIn(copy), `cut at call ${cutAt}`).toEqual(whole)
    cutAt = cutAt === 10_000 ? calls : cutAt - 1
  }
}, 60_000)

test('a backup has few files open at once, whatever the number of logs', async () => {
  await using scratch = await scratchDirectory('memory')
  const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
  await using store = new FsStore({ path: from })
  await Promise.all(
    range(1, 500).map(async (number) => {
      const log = await store.openLog(storeKey('sessions', 'ops', `s${number}`), fencingToken(1))
      await log.append(logRecords(1, 2))
      if (number % 3 > 0) await log.close()
      if (number % 10 === 0) await store.put(storeKey('jobs', `j${number}`), {})
    }),
  )
  const open = new Set<number>()
  let most = 0
  const fileSystem: typeof nodeFileSystem = {
    ...nodeFileSystem,
    open: async (path, flags) => {
      const descriptor = await nodeFileSystem.open(path, flags)
      most = Math.max(most, open.add(descriptor).size)
      return descriptor
    },
    close: async (descriptor) => {
      open.delete(descriptor)
      await nodeFileSystem.close(descriptor)
    },
  }
  expect(await backupDirectory({ from, to, fileSystem })).toMatchObject({ logs: 500, documents: 50 })
  expect(most).toBeLessThan(110)
  expect(open.size).toBe(0)
})
