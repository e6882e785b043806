/** What a power cut or a kill may leave of the index of sessions: what was acknowledged, or an index that says that it is not complete. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { rebuildIndex } from '@beamclaw/core/adapter'
import { expectRejection, range } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const entry = (number: number, updatedAt = number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt,
  preview: `hello ${number} ${'x'.repeat(100)}`,
  settings: {},
})

async function folder(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return scratch.path
}

/** Opens what a cut left, and returns what of the acknowledged entries is missing or old although the index says that it is complete. */
async function wrongAfter(path: string, acknowledged: ReadonlyMap<string, number>): Promise<readonly string[]> {
  const store = new FsStore({ path })
  try {
    const found = await store.index.page(defaultTenant, { sort: 'updatedAt', limit: 5_000 })
    const byKey = await store.index.page(defaultTenant, { sort: 'key', limit: 5_000 })
    if (!(await store.index.status(defaultTenant)).isComplete) return []
    const times = [found, byKey].map((page) => new Map(page.map(({ sessionKey, updatedAt = 0 }) => [String(sessionKey), updatedAt])))
    return [...acknowledged].filter(([key, at]) => times.some((time) => (time.get(key) ?? 0) < at)).map(([key]) => key)
  } finally {
    await store.stop()
  }
}

describe('a power cut', () => {
  test('between a move of the write-ahead log and the next sync loses no entry of an index that is marked as complete', async () => {
    const root = await folder()
    const path = join(root, 'data')
    const main = join(path, 'index.sqlite')
    const log = `${main}-wal`
    const names = new Map<number, string>()
    /** The bytes that a sync has made durable, by file. */
    const durable = new Map<string, Buffer>()
    const cuts: {
      readonly durable: ReadonlyMap<string, Buffer>
      readonly log: Buffer
      readonly acknowledged: ReadonlyMap<string, number>
    }[] = []
    const acknowledged = new Map<string, number>()
    /** Whether the whole log was durable when what it has had been moved into the file. */
    const wasLogDurable: boolean[] = []
    const fileSystem = faultyFileSystem(async (name, [descriptor]) => {
      if (name !== 'datasync' || names.get(Number(descriptor)) === undefined) return
      const file = names.get(Number(descriptor)) as string
      if (file === log && durable.has(main))
        cuts.push({ durable: new Map(durable), log: await readFile(log), acknowledged: new Map(acknowledged) })
      if (file === main) wasLogDurable.push(durable.get(log)?.equals(await readFile(log)) === true)
      durable.set(file, await readFile(file))
    })
    const { open: openFile } = fileSystem
    const watched = new Proxy(fileSystem, {
      get: (target, name: keyof typeof fileSystem) =>
        name !== 'open'
          ? target[name]
          : async (...args: Parameters<typeof openFile>) => {
              const descriptor = await openFile(...args)
              if (args[0] === main || args[0] === log) names.set(descriptor, args[0])
              else names.delete(descriptor)
              return descriptor
            },
    })
    const store = new FsStore({ path, fileSystem: watched })
    onTestFinished(() => store.stop())
    const put = async (entries: readonly SessionIndexEntry[]): Promise<void> => {
      await store.index.put(defaultTenant, entries)
      for (const { sessionKey, updatedAt = 0 } of entries) acknowledged.set(sessionKey, updatedAt)
    }
    await put(range(1, 300).map((number) => entry(number)))
    await store.index.complete(defaultTenant)
    await put(range(301, 511).map((number) => entry(number)))
    // The log was moved. It begins again, first with a small transaction, and the next time with a large one.
    await put([entry(40, 1_000)])
    await put([entry(4_000)])
    await put(range(1, 510).map(() => entry(9)))
    await put(range(1, 60).map((number) => entry(number * 8, 5_000 + number)))
    expect(cuts.length).toBeGreaterThan(2)
    expect(new Set(wasLogDurable)).toEqual(new Set([true]))
    const wrong: string[] = []
    for (const [number, { durable: files, log: written, acknowledged: promised }] of cuts.entries()) {
      const old = files.get(log) ?? Buffer.alloc(0)
      const blocks = Math.ceil(written.length / 4_096)
      // The system may have written the last blocks of the log, and not yet the first.
      for (const block of [1, 2, 3, 5, 8, 16, 32, 64, 128].filter((one) => one < blocks)) {
        const at = block * 4_096
        const cut = join(root, `cut-${number}-${block}`)
        await mkdir(cut)
        await writeFile(join(cut, 'index.sqlite'), files.get(main) ?? Buffer.alloc(0))
        const head = Buffer.alloc(at)
        old.copy(head)
        await writeFile(join(cut, 'index.sqlite-wal'), Buffer.concat([head, written.subarray(at)]))
        const missing = await wrongAfter(cut, promised)
        if (missing.length > 0) wrong.push(`cut ${number}, block ${block}: ${missing.length}`)
        await rm(cut, { recursive: true })
      }
    }
    expect(wrong).toEqual([])
  })

  test('after a stop that only read loses nothing: what a killed process left is synced before its log goes', async () => {
    const root = await folder()
    const first = new FsStore({ path: join(root, 'first') })
    await first.index.put(defaultTenant, [entry(1)])
    await first.index.complete(defaultTenant)
    // What a kill leaves: the file and its log.
    const second = join(root, 'second')
    await mkdir(second)
    for (const name of ['index.sqlite', 'index.sqlite-wal']) await copyFile(join(root, 'first', name), join(second, name))
    await first.stop()
    let synced = 0
    const fileSystem = faultyFileSystem((name) => {
      if (name === 'datasync') synced += 1
    })
    const store = new FsStore({ path: second, fileSystem })
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
    synced = 0
    await store.stop()
    expect(existsSync(join(second, 'index.sqlite-wal'))).toBe(false)
    expect(synced).toBeGreaterThan(0)
  })
})

test('an index that is deleted after a kill is new: the log that is left behind does not bring it back', async () => {
  const root = await folder()
  const first = new FsStore({ path: join(root, 'first') })
  await first.index.put(defaultTenant, [entry(1)])
  await first.index.complete(defaultTenant)
  const second = join(root, 'second')
  await mkdir(second)
  await copyFile(join(root, 'first', 'index.sqlite-wal'), join(second, 'index.sqlite-wal'))
  await first.stop()
  const store = new FsStore({ path: second })
  onTestFinished(() => store.stop())
  expect(await store.index.status(defaultTenant)).toEqual({ isComplete: false, reason: 'it is new' })
  expect(await store.index.page(defaultTenant, { sort: 'key', limit: 9 })).toEqual([])
})

describe('an index that is made anew while it is filled', () => {
  test('is not marked as complete without what was written before', async () => {
    const path = join(await folder(), 'data')
    const store = new FsStore({ path })
    onTestFinished(() => store.stop())
    for (const number of range(1, 80)) await store.put([defaultTenant, 'sessions', 'main', String(number), 'metadata'], { label: 'kept' })
    let isDamaged = false
    const damage = async (): Promise<void> => {
      if (isDamaged) return
      isDamaged = true
      const other = new DatabaseSync(join(path, 'index.sqlite'))
      other.exec('DROP TABLE sessions')
      other.close()
    }
    await expectRejection(rebuildIndex(store, defaultTenant, { onProgress: damage }), 'store-io')
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
    await rebuildIndex(store, defaultTenant)
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 100 })).toHaveLength(80)
  })
})

describe('a stop whose index cannot be closed in order', () => {
  const ends: [string, (path: string) => Promise<void>, () => boolean][] = [
    ['because its file was cut off', (path) => truncate(join(path, 'index.sqlite'), 5_000), () => false],
    ['because the disk fails', async () => {}, () => true],
  ]
  test.each(ends)(
    '%s: closes the logs, frees the directory, and leaves an index that is whole or says that it is not',
    async (_, damage, fails) => {
      const path = join(await folder(), 'data')
      let isEnding = false
      const fileSystem = faultyFileSystem((name, [descriptor]) => {
        if (isEnding && fails() && name === 'datasync' && indexFiles.has(Number(descriptor))) throw systemError('EIO')
      })
      const indexFiles = new Set<number>()
      const watched = new Proxy(fileSystem, {
        get: (target, name: keyof FileSystem) =>
          name !== 'open'
            ? target[name]
            : async (...args: Parameters<FileSystem['open']>) => {
                const descriptor = await target.open(...args)
                if (args[0].includes('index.sqlite')) indexFiles.add(descriptor)
                else indexFiles.delete(descriptor)
                return descriptor
              },
      })
      const store = new FsStore({ path, fileSystem: watched })
      const entries = range(1, 400).map((number) => entry(number))
      await store.index.put(defaultTenant, entries)
      await store.index.complete(defaultTenant)
      isEnding = true
      await damage(path)
      await store.stop()
      expect(await wrongAfter(path, new Map(entries.map(({ sessionKey, updatedAt = 0 }) => [String(sessionKey), updatedAt])))).toEqual([])
    },
  )
})
