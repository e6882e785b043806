/** What stands where the index or its stamp should be does not stop the sessions: the index is made anew, and nothing of another program is deleted. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readlink, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { isDamage } from './index-failures.ts'
import { removeIndexFiles } from './index-file.ts'
import { compareStamp } from './index-stamp.ts'
import { setAside } from './set-aside.ts'
import { surveyIndex } from './survey-index.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const entry = (number: number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt: number,
  settings: {},
})

/** A data directory whose index has two sessions and a stamp; no process uses it. */
async function closed(): Promise<{ readonly path: string; readonly index: string; readonly stamp: string }> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  const path = join(scratch.path, 'data')
  const store = new FsStore({ path })
  await store.index.put(defaultTenant, [entry(1), entry(2)])
  await store.index.complete(defaultTenant)
  await store.stop()
  return { path, index: join(path, 'index.sqlite'), stamp: join(path, 'index.sqlite.stamp') }
}

async function full(directory: string): Promise<void> {
  await mkdir(directory)
  await writeFile(join(directory, 'of-somebody'), 'kept')
}

/** Two processes one after the other: the first finds what is there and puts a session, the second reads. */
async function lives(path: string, fileSystem = nodeFileSystem): Promise<{ readonly isMadeAnew: boolean; readonly found: number }> {
  const store = new FsStore({ path, fileSystem })
  try {
    const isMadeAnew = !(await store.index.status(defaultTenant)).isComplete
    await store.index.put(defaultTenant, [entry(3)])
    await store.index.complete(defaultTenant)
    await store.stop()
    const next = new FsStore({ path })
    onTestFinished(() => next.stop())
    expect(await next.index.status(defaultTenant)).toEqual({ isComplete: true })
    return { isMadeAnew, found: (await next.index.page(defaultTenant, { sort: 'key', limit: 9 })).length }
  } finally {
    await store.stop()
  }
}

test.each([
  ['a directory', async (stamp: string) => full(stamp)],
  ['a link to itself', async (stamp: string) => symlink('index.sqlite.stamp', stamp)],
  ['a link to nothing', async (stamp: string) => symlink('nowhere', stamp)],
  ['an empty file', async (stamp: string) => writeFile(stamp, '')],
  ['a file of gigabytes', async (stamp: string) => truncate(stamp, 5_000_000_000)],
])('%s in the place of the stamp says nothing of the index', async (name, make) => {
  const { path, stamp } = await closed()
  if (!name.includes('gigabytes')) await rm(stamp)
  await make(stamp)
  expect(await surveyIndex(path)).toBe('complete')
  expect(await lives(path)).toEqual({ isMadeAnew: false, found: 3 })
  // What no check has found sound gets no stamp; what was there is neither believed nor in the way.
  expect(existsSync(stamp) ? (await stat(stamp)).isFile() : true).toBe(true)
})

test.each([
  ['a directory in the place of the index', '', full],
  ['a directory in the place of its log', '-wal', full],
  ['a directory in the place of its shared memory', '-shm', full],
  ['a directory in the place of its journal', '-journal', full],
  ['a link to itself', '', async (file: string) => symlink('index.sqlite', file)],
  ['a link to a file elsewhere', '', async (file: string) => symlink('../elsewhere', file)],
])('%s: the index is made anew, and what was there is kept', async (_, ending, make) => {
  const { path, index } = await closed()
  await rm(`${index}${ending}`, { force: true })
  await make(`${index}${ending}`)
  if (ending === '') expect(['damaged', 'missing']).toContain(await surveyIndex(path))
  expect(await lives(path)).toEqual({ isMadeAnew: true, found: 1 })
  if (make !== full) return
  const aside = (await readdir(path)).find((name) => name.startsWith(`index.sqlite${ending}.damaged-`)) ?? ''
  expect(existsSync(join(path, aside, 'of-somebody'))).toBe(true)
})

test('a directory where the stamp is written first does not keep the index from its stamp', async () => {
  const { path, stamp } = await closed()
  await full(`${stamp}.new`)
  await lives(path)
  expect(existsSync(stamp)).toBe(true)
})

test.each(['EACCES', 'EIO'])('a name of the index that cannot be opened (%s) is made anew', async (code) => {
  for (const ending of ['', '-wal', '-shm']) {
    const { path, index } = await closed()
    let isOver = false
    const fileSystem = faultyFileSystem((name, [file]) => {
      if (name === 'unlink' && file === `${index}${ending}`) isOver = true
      if (name === 'open' && file === `${index}${ending}` && !isOver) throw systemError(code)
    })
    expect(await lives(path, fileSystem), ending).toEqual({ isMadeAnew: true, found: 1 })
  }
})

test.each(['EACCES', 'EIO'])('a stamp that cannot be read (%s) says nothing of the index', async (code) => {
  const { path, stamp } = await closed()
  const fileSystem = faultyFileSystem((name, [file]) => {
    if (name === 'open' && file === stamp) throw systemError(code)
  })
  expect(await compareStamp(fileSystem, join(path, 'index.sqlite'))).toBe('none')
  expect(await lives(path, fileSystem)).toEqual({ isMadeAnew: false, found: 3 })
})

test.each(['EMFILE', 'ENFILE', 'ENOMEM'])('a shortage that passes (%s) costs a call, and not the index', async (code) => {
  const { path, index } = await closed()
  let isShort = true
  const fileSystem = faultyFileSystem((name, [file]) => {
    if (name === 'open' && String(file).startsWith(index) && isShort) throw systemError(code)
  })
  const store = new FsStore({ path, fileSystem })
  onTestFinished(() => store.stop())
  await expect(store.index.status(defaultTenant)).rejects.toMatchObject({ code: 'store-io' })
  isShort = false
  expect(await store.index.page(defaultTenant, { sort: 'key', limit: 9 })).toHaveLength(2)
  expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
})

test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('an index that its owner may not write is made anew', async () => {
  const { path, index } = await closed()
  await chmod(index, 0o400)
  expect(await lives(path)).toEqual({ isMadeAnew: true, found: 1 })
})

test('a page that the disk cannot read is damage, in SQLite’s own code too', () => {
  expect(isDamage({ errcode: 266 })).toBe(true)
  // A write that failed may succeed the next time.
  expect(isDamage({ errcode: 778 })).toBe(false)
})

test.skipIf(process.platform !== 'linux')('an opening that fails leaves no file open', async () => {
  const { path, index } = await closed()
  const opened = async (): Promise<readonly string[]> => {
    const links = (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => ''))
    return (await Promise.all(links)).filter((target) => target.startsWith(index))
  }
  for (const failing of [`${index}-wal`, index, path]) {
    let isOpened = false
    const fileSystem = faultyFileSystem((name, [file, flags]) => {
      // Of the names that are opened for writing, the first time is the look whether they can be.
      if (name !== 'open' || file !== failing || (failing !== path && flags !== 'r+')) return
      if (isOpened || failing === path) throw systemError('EMFILE')
      isOpened = true
    })
    const store = new FsStore({ path, fileSystem })
    await expect(store.index.status(defaultTenant)).rejects.toMatchObject({ code: 'store-io' })
    expect(await opened(), failing).toEqual([])
    await store.stop()
  }
})

test('the stamp goes, durably, before the file that it was of', async () => {
  const { index } = await closed()
  const calls: string[] = []
  const fileSystem = faultyFileSystem((name, [file]) => {
    if (name === 'sync') calls.push(name)
    if (name === 'unlink') calls.push(`unlink ${basename(String(file))}`)
  })
  await removeIndexFiles(fileSystem, index)
  expect(calls.slice(0, 3)).toEqual(['unlink index.sqlite.stamp', 'sync', 'unlink index.sqlite'])
})

test('what is set aside has its other name durably', async () => {
  const { path, stamp } = await closed()
  const calls: string[] = []
  const fileSystem = faultyFileSystem((name) => void calls.push(name))
  expect(await setAside(fileSystem, stamp, new Date(0))).toBe(`${stamp}.damaged-19700101T000000000Z`)
  expect(calls).toEqual(['rename', 'open', 'sync', 'close'])
  expect(existsSync(join(path, 'index.sqlite.stamp'))).toBe(false)
})
