/** A file of the index that was closed in order is compared with its stamp: no byte that has changed since is believed, and no good file is called damaged. */
import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionIndexQuery, type SessionKey, type Store } from '@beamclaw/core'
import { rebuildIndex } from '@beamclaw/core/adapter'
import { fencingToken, range } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { compareStamp, removeStamp, stampOf, stampPath, writeStamp } from './index-stamp.ts'
import { surveyIndex } from './survey-index.ts'
import { chance } from './testing/chance.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { mortalFileSystem } from './testing/mortal-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'
import { strictFileSystem } from './testing/strict-file-system.ts'

async function folder(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return scratch.path
}

const indexOf = (path: string): string => join(path, 'index.sqlite')
const entry = (number: number, updatedAt = number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt,
  settings: { owner: `owner-${number % 3}`, label: `label-${number % 2}` },
})

/** A data directory that was closed in order, with journals and settings of sessions and an index made from them. */
async function closed(sessions = 40): Promise<string> {
  const path = join(await folder(), 'data')
  const store = new FsStore({ path })
  for (const number of range(1, sessions)) {
    const log = await store.openLog([defaultTenant, 'sessions', 'main', `s${number}`], fencingToken(1))
    // Neither by key nor by creation are they in the order of their last activity.
    const ts = [number * 1_000, 1_000_000 + ((number * 7) % sessions) * 10] as const
    await log.append(ts.map((at, index) => ({ seq: index + 1, type: 'run-pause', id: `${number}-${index}`, ts: at, data: { runId: 'r' } })))
    await log.close()
    const settings = { owner: `owner-${number % 3}`, label: `label-${number % 4}` }
    await store.put([defaultTenant, 'sessions', 'main', `s${number}`, 'metadata'], settings)
  }
  await rebuildIndex(store, defaultTenant)
  await store.stop()
  return path
}

const queries: readonly SessionIndexQuery[] = [
  ...(['key', 'updatedAt', 'createdAt'] as const).flatMap((sort) => [
    { sort, limit: 1_000 },
    { sort, limit: 1_000, owner: 'owner-1' },
    { sort, limit: 1_000, label: 'label-2' },
  ]),
]

const listsOf = (store: Store): Promise<unknown[]> => Promise.all(queries.map((query) => store.index.page(defaultTenant, query)))

/** What lists show after a start, by the rule of core: pages of an index that is complete before and after; else it is filled from the journals first. */
async function listsAfterStart(path: string): Promise<{ readonly lists: unknown[]; readonly isMadeAnew: boolean }> {
  const store = new FsStore({ path })
  try {
    const isMadeAnew = !(await store.index.status(defaultTenant)).isComplete
    if (isMadeAnew) await rebuildIndex(store, defaultTenant)
    return { lists: await listsOf(store), isMadeAnew }
  } finally {
    await store.stop()
  }
}

describe('a byte that has changed while no process ran', () => {
  test('is found wherever it is', async () => {
    const path = await closed(4)
    const bytes = await readFile(indexOf(path))
    expect(await compareStamp(nodeFileSystem, indexOf(path))).toBe('equal')
    const wrong: number[] = []
    // The step leads to each place of a word and to each bit.
    for (let at = 0; at < bytes.length; at += 13) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
      await writeFile(indexOf(path), flipped)
      if ((await compareStamp(nodeFileSystem, indexOf(path))) !== 'changed') wrong.push(at)
    }
    expect(wrong).toEqual([])
  })

  test('changes no list: the index is made anew', async () => {
    const path = await closed()
    const truth = await listsAfterStart(path)
    expect(truth.isMadeAnew).toBe(false)
    const good = { file: await readFile(indexOf(path)), stamp: await readFile(stampPath(indexOf(path))) }
    // The header, and places all over the file.
    const places = [18, 19, 27, 43, 59, 63, ...range(0, 79).map((part) => Math.floor((good.file.length * part) / 80) + ((part * 37) % 900))]
    for (const at of places) {
      const flipped = Buffer.from(good.file)
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
      await writeFile(indexOf(path), flipped)
      await writeFile(stampPath(indexOf(path)), good.stamp)
      expect(await surveyIndex(path), `at ${at}`).toBe('damaged')
      expect(await listsAfterStart(path), `at ${at}`).toEqual({ lists: truth.lists, isMadeAnew: true })
    }
  })

  test.each([
    ['the file is shorter', (file: string) => truncate(file, 8_192)],
    ['the file is longer', async (file: string) => writeFile(file, Buffer.concat([await readFile(file), Buffer.alloc(4_096)]))],
    ['the file is one of before', async (file: string) => copyFile(`${file}.before`, file)],
  ])('%s', async (_, change) => {
    const path = await closed(4)
    await copyFile(indexOf(path), `${indexOf(path)}.before`)
    const store = new FsStore({ path })
    await store.index.put(defaultTenant, [entry(1)])
    await store.stop()
    await change(indexOf(path))
    expect(await listsAfterStart(path)).toMatchObject({ isMadeAnew: true })
  })

  test('of a disk that cannot read it any more: the index is made anew', async () => {
    const path = await closed(4)
    const file = indexOf(path)
    let descriptor: number | undefined
    const fileSystem = faultyFileSystem((name, args) => {
      if (name === 'read' && args[0] === descriptor) throw systemError('EIO')
    })
    const watched = {
      ...strictFileSystem,
      read: fileSystem.read,
      open: async (...args: Parameters<typeof strictFileSystem.open>) => {
        const opened = await strictFileSystem.open(...args)
        descriptor = args[0] === file && args[1] === 'r' ? opened : undefined
        return opened
      },
    }
    const store = new FsStore({ path, fileSystem: watched })
    onTestFinished(() => store.stop())
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
  })
})

describe('a stamp', () => {
  test('that is damaged itself says nothing: the index stays, and is checked', async () => {
    const path = await closed(4)
    const stamp = await readFile(stampPath(indexOf(path)))
    for (const at of range(0, stamp.length - 1)) {
      const flipped = Buffer.from(stamp)
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
      await writeFile(stampPath(indexOf(path)), flipped)
      expect(await compareStamp(nodeFileSystem, indexOf(path))).toBe('none')
    }
    expect(await listsAfterStart(path)).toMatchObject({ isMadeAnew: false })
  })

  test('stays as it is over a process that only read', async () => {
    const path = await closed(4)
    const stamp = await readFile(stampPath(indexOf(path)))
    const file = await readFile(indexOf(path))
    const store = new FsStore({ path })
    await listsOf(store)
    expect(existsSync(stampPath(indexOf(path)))).toBe(true)
    await store.stop()
    expect([await readFile(stampPath(indexOf(path))), await readFile(indexOf(path))]).toEqual([stamp, file])
  })

  test('is gone, durably, before the first write', async () => {
    const path = await closed(4)
    const calls: string[] = []
    const fileSystem = faultyFileSystem((name, args) => {
      if (['unlink', 'sync', 'datasync'].includes(name))
        calls.push(name === 'unlink' ? `unlink ${String(args[0]).slice(path.length + 1)}` : name)
    })
    const store = new FsStore({ path, fileSystem })
    onTestFinished(() => store.stop())
    await store.index.status(defaultTenant)
    calls.length = 0
    await store.index.put(defaultTenant, [entry(1)])
    expect(calls).toEqual(['unlink index.sqlite.stamp', 'sync', 'datasync'])
    expect(existsSync(stampPath(indexOf(path)))).toBe(false)
  })

  test('that cannot be removed keeps the index from being written, and not from being read', async () => {
    const path = await closed(4)
    const fileSystem = faultyFileSystem((name, [file]) => {
      if (name === 'unlink' && String(file).endsWith('.stamp')) throw systemError('EIO')
    })
    const store = new FsStore({ path, fileSystem })
    onTestFinished(() => store.stop())
    await expect(store.index.put(defaultTenant, [entry(1)])).rejects.toMatchObject({ code: 'store-io' })
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 9 })).toHaveLength(4)
  })

  test('of an earlier file says nothing of a new one', async () => {
    const path = await closed(4)
    await rm(indexOf(path))
    const store = new FsStore({ path })
    onTestFinished(() => store.stop())
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: false, reason: 'it is new' })
    expect(existsSync(stampPath(indexOf(path)))).toBe(false)
  })

  test('beside a write-ahead log that has something says nothing, and the log counts', async () => {
    const path = await closed(4)
    const killed = join(await folder(), 'data')
    await cp(path, killed, { recursive: true })
    const store = new FsStore({ path })
    await store.index.put(defaultTenant, [entry(1, 9_000_000)])
    for (const name of ['index.sqlite', 'index.sqlite-wal']) await copyFile(join(path, name), join(killed, name))
    await store.stop()
    for (const _ of range(1, 2)) {
      const next = new FsStore({ path: killed })
      expect(await next.index.status(defaultTenant)).toEqual({ isComplete: true })
      expect(await next.index.get(defaultTenant, [entry(1).sessionKey])).toEqual([entry(1, 9_000_000)])
      await next.stop()
    }
  })

  test('that cannot be written costs no more than the stamp', async () => {
    const path = join(await folder(), 'data')
    const fileSystem = faultyFileSystem((name, [, to]) => {
      if (name === 'rename' && String(to).endsWith('.stamp')) throw systemError('ENOSPC')
    })
    const store = new FsStore({ path, fileSystem })
    await store.index.put(defaultTenant, [entry(1)])
    await store.index.complete(defaultTenant)
    await store.stop()
    expect(existsSync(stampPath(indexOf(path)))).toBe(false)
    const next = new FsStore({ path })
    onTestFinished(() => next.stop())
    expect(await next.index.status(defaultTenant)).toEqual({ isComplete: true })
  })

  test('does not keep the event loop from its turns while a large file is read', async () => {
    const file = join(await folder(), 'large')
    await writeFile(file, Buffer.alloc(32 * 1024 * 1024, 'x'))
    const descriptor = await nodeFileSystem.open(file, 'r')
    onTestFinished(() => nodeFileSystem.close(descriptor))
    let reads = 0
    const read: typeof nodeFileSystem.read = (...args) => {
      reads += 1
      return nodeFileSystem.read(...args)
    }
    await writeStamp(nodeFileSystem, file, await stampOf({ ...nodeFileSystem, read }, descriptor))
    expect(reads).toBeGreaterThan(31)
    expect(await compareStamp(nodeFileSystem, file)).toBe('equal')
    await removeStamp(nodeFileSystem, file)
    expect(await compareStamp(nodeFileSystem, file)).toBe('none')
  })
})

describe('a power cut at any call', () => {
  class PowerCut extends Error {}

  /** Three processes one after the other: one that makes the index, one that only reads, one that writes. */
  async function live(
    path: string,
    fileSystem: typeof nodeFileSystem,
    promised: Map<number, number>,
    done: { isComplete: boolean },
  ): Promise<void> {
    for (const life of range(1, 3)) {
      const store = new FsStore({ path, fileSystem })
      await store.index.status(defaultTenant)
      if (life === 2) await store.index.page(defaultTenant, { sort: 'key', limit: 9 })
      else {
        const at = life * 100
        await store.index.put(
          defaultTenant,
          range(1, 30).map((number) => entry(number, at + number)),
        )
        for (const number of range(1, 30)) promised.set(number, at + number)
        await store.index.complete(defaultTenant)
        done.isComplete = true
      }
      await store.stop()
    }
  }

  test('neither makes a good index damaged, nor loses what was acknowledged under a mark that says complete', async () => {
    const root = await folder()
    let isOver = false
    for (let cutAt = 1; !isOver; cutAt++) {
      const [path, after] = [join(root, `before-${cutAt}`), join(root, `after-${cutAt}`)]
      await mkdir(path)
      const next = chance(cutAt)
      const promised = new Map<number, number>()
      const done = { isComplete: false }
      let calls = 0
      let atCut: { readonly promised: ReadonlyMap<number, number>; readonly isComplete: boolean } | undefined
      const cut = Promise.withResolvers<void>()
      const crashing = new CrashFileSystem(path, () => {
        calls += 1
        if (calls < cutAt) return
        // A copy at the very moment: what SQLite does later is not in it.
        if (atCut === undefined) {
          atCut = { promised: new Map(promised), ...done }
          const mode = cutAt % 3
          crashing.crash(after, () => (mode === 0 ? false : mode === 1 ? true : next(2) === 0))
          cut.resolve()
        }
        throw new PowerCut()
      })
      const { fileSystem, die } = mortalFileSystem(crashing.fileSystem)
      const living = live(path, fileSystem, promised, done).catch((error: unknown) => {
        if (atCut === undefined) throw error
      })
      await Promise.race([living, cut.promise])
      isOver = atCut === undefined
      await die()
      await living
      if (atCut !== undefined) await checkAfter(after, atCut, `cut at ${cutAt}`)
      for (const one of [path, after]) await rm(one, { recursive: true, force: true })
    }
  })

  async function checkAfter(
    path: string,
    { promised, isComplete }: { readonly promised: ReadonlyMap<number, number>; readonly isComplete: boolean },
    note: string,
  ): Promise<void> {
    await rm(join(path, '.lock'), { force: true })
    const store = new FsStore({ path })
    const status = await store.index.status(defaultTenant)
    if (isComplete) expect(status, note).toEqual({ isComplete: true })
    else if (!status.isComplete) expect(status.reason, note).toBe('it is new')
    for (const sort of ['key', 'updatedAt'] as const) {
      const found = await store.index.page(defaultTenant, { sort, limit: 1_000 })
      const times = new Map(found.map(({ sessionKey, updatedAt = 0 }) => [Number(sessionKey.split(':')[2]), updatedAt]))
      expect(
        [...promised].filter(([number, at]) => (times.get(number) ?? 0) < at),
        note,
      ).toEqual([])
    }
    await store.stop()
    expect(['complete', 'incomplete'], note).toContain(await surveyIndex(path))
  }
})
