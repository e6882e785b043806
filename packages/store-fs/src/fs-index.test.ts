import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  defaultTenant,
  type SessionIndex,
  type SessionIndexEntry,
  type SessionIndexQuery,
  type SessionKey,
  SystemClock,
  type TenantId,
} from '@beamclaw/core'
import { memoryIndex } from '@beamclaw/core/adapter'
import { expectRejection, range } from '@beamclaw/testkit'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsIndex } from './fs-index.ts'
import { FsStore } from './fs-store.ts'
import { loadSqlite } from './sqlite-module.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const acme = 'acme' as TenantId
const keyOf = (name: string | number): SessionKey => `agent:main:${name}` as SessionKey
const entry = (name: string | number, updatedAt = 1, settings: SessionIndexEntry['settings'] = {}): SessionIndexEntry => ({
  sessionKey: keyOf(name),
  createdAt: 1,
  updatedAt,
  preview: `hello ${name}`,
  settings,
})

async function folder(kind: 'disk' | 'memory' = 'memory'): Promise<string> {
  const scratch = await scratchDirectory(kind)
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return join(scratch.path, 'data')
}

function storeOn(path: string, options: Partial<ConstructorParameters<typeof FsStore>[0]> = {}): FsStore {
  const store = new FsStore({ path, ...options })
  onTestFinished(() => store.stop())
  return store
}

/** A data directory whose index has 2,000 sessions and is complete; no process uses it. */
async function filled(): Promise<string> {
  const path = await folder()
  const store = storeOn(path)
  await store.index.put(
    defaultTenant,
    range(1, 2_000).map((number) => entry(number, number)),
  )
  await store.index.complete(defaultTenant)
  await store.stop()
  return path
}

describe('a file of the index that cannot be read is made anew, and says so', () => {
  const damages: [string, (file: string) => Promise<void>][] = [
    ['text in its place', (file) => writeFile(file, 'what somebody wrote')],
    ['a file of zeros', async (file) => writeFile(file, Buffer.alloc((await stat(file)).size))],
    ['a page of its tables overwritten', (file) => overwrite(file, 4_096, Buffer.alloc(8_192, 0xa5))],
    [
      'pages in its middle that are zeros',
      async (file) => overwrite(file, Math.floor((await stat(file)).size / 8_192) * 4_096, Buffer.alloc(40_960)),
    ],
    ['half of it', async (file) => truncate(file, Math.floor((await stat(file)).size / 8_192) * 4_096)],
    ['another version', async (file) => alter(file, 'PRAGMA user_version = 7')],
    ['no table', async (file) => alter(file, 'DROP TABLE sessions')],
    ['entries that are none', async (file) => alter(file, "UPDATE sessions SET entry = 'x'")],
    ['a letter of what was said', async (file) => alter(file, "UPDATE sessions SET entry = replace(entry, 'hello', 'jello')")],
    ['entries of other sessions', async (file) => alter(file, "UPDATE sessions SET entry = replace(entry, 'agent:main:', 'agent:other:')")],
  ]

  const each = damages.flatMap(([name, damage]) => [[name, 'with its stamp', damage] as const, [name, 'without a stamp', damage] as const])
  test.each(each)('%s, %s', async (_, stamp, damage) => {
    const path = await filled()
    await damage(join(path, 'index.sqlite'))
    if (stamp === 'without a stamp') await rm(join(path, 'index.sqlite.stamp'))
    const store = storeOn(path)
    // Whatever is asked, the answer is whole or the index says that it is not complete.
    const found = await store.index.page(defaultTenant, { sort: 'key', limit: 5_000 })
    const status = await store.index.status(defaultTenant)
    expect({ found: found.length, status }).toEqual({
      found: 0,
      status: { isComplete: false, reason: expect.stringMatching(/^index.sqlite could not be read and was made anew: /) },
    })
    await store.index.put(defaultTenant, [entry('new')])
    await store.index.complete(defaultTenant)
    await store.stop()
    const again = storeOn(path)
    expect(await again.index.page(defaultTenant, { sort: 'key', limit: 9 })).toEqual([entry('new')])
    expect(await again.index.status(defaultTenant)).toEqual({ isComplete: true })
  })

  async function overwrite(file: string, at: number, bytes: Buffer): Promise<void> {
    const handle = await open(file, 'r+')
    await handle.write(bytes, 0, bytes.length, at)
    await handle.close()
  }

  async function alter(file: string, sql: string): Promise<void> {
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
  }

  test('a call that met the damage is made on the new one', async () => {
    const path = await filled()
    await overwrite(join(path, 'index.sqlite'), 4_096, Buffer.alloc((await stat(join(path, 'index.sqlite'))).size - 4_096, 0xa5))
    const store = storeOn(path)
    await store.index.put(defaultTenant, [entry('new')])
    expect(await store.index.page(defaultTenant, { sort: 'updatedAt', limit: 9 })).toEqual([entry('new')])
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
  })

  test('one that was deleted is new', async () => {
    const path = await folder()
    expect(await storeOn(path).index.status(defaultTenant)).toEqual({ isComplete: false, reason: 'it is new' })
  })

  test('a file that another program holds for itself does not hold up the sessions', async () => {
    const path = await filled()
    const other = new DatabaseSync(join(path, 'index.sqlite'))
    onTestFinished(() => other.close())
    other.exec('BEGIN IMMEDIATE')
    const store = storeOn(path)
    await store.index.put(defaultTenant, [entry('new')])
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 9 })).toEqual([entry('new')])
  })
})

describe('durability', () => {
  test('a put, a deletion and a mark resolve after the write-ahead log of SQLite is synced', async () => {
    const path = await folder()
    const calls: string[] = []
    const fileSystem = faultyFileSystem((name) => void calls.push(name))
    const store = storeOn(path, { fileSystem })
    await store.index.status(defaultTenant)
    const { put } = store.index
    for (const act of [
      () => put.call(store.index, defaultTenant, [entry('a')]),
      () => store.index.delete(defaultTenant, [keyOf('a')]),
      () => store.index.complete(defaultTenant),
      () => store.index.clear(defaultTenant),
    ]) {
      calls.length = 0
      await act()
      expect(calls).toContain('datasync')
    }
  })

  test('a sync that fails refuses what it was for, and the file is not gone on with', async () => {
    const path = await filled()
    let isFailing = false
    const fileSystem = faultyFileSystem((name) => {
      if (isFailing && name === 'datasync') throw systemError('EIO')
    })
    const store = storeOn(path, { fileSystem })
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
    isFailing = true
    await expectRejection(store.index.put(defaultTenant, [entry('a')]), 'store-io')
    isFailing = false
    await store.index.put(defaultTenant, [entry('b')])
    expect(await store.index.status(defaultTenant)).toMatchObject({ isComplete: false })
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 9 })).toEqual([entry('b')])
  })

  test('what was put is there after a kill, which leaves the log of SQLite behind', async () => {
    const path = await folder('disk')
    const script = `
      import { FsStore } from ${JSON.stringify(new URL('./fs-store.ts', import.meta.url).href)}
      const store = new FsStore({ path: ${JSON.stringify(path)} })
      const entries = (from) => Array.from({ length: 700 }, (_, i) => ({ sessionKey: 'agent:main:' + (from + i), updatedAt: from + i, settings: {} }))
      await store.index.put('default', entries(0))
      await store.index.complete('default')
      await store.index.delete('default', ['agent:main:3'])
      process.kill(process.pid, 'SIGKILL')
    `
    spawnSync(process.execPath, ['--conditions=beamclaw:source', '--input-type=module', '-e', script])
    expect(existsSync(join(path, 'index.sqlite-wal'))).toBe(true)
    const store = storeOn(path)
    expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 1_000 })).toHaveLength(699)
  })

  test('a stop leaves one file, and waits for the calls before it', async () => {
    const path = await folder()
    const store = storeOn(path)
    const put = store.index.put(
      defaultTenant,
      range(1, 1_500).map((number) => entry(number)),
    )
    await store.stop()
    await put
    expect([existsSync(join(path, 'index.sqlite')), existsSync(join(path, 'index.sqlite-wal'))]).toEqual([true, false])
    expect((await stat(join(path, 'index.sqlite'))).mode & 0o777).toBe(0o600)
    expect(await storeOn(path).index.page(defaultTenant, { sort: 'key', limit: 5_000 })).toHaveLength(1_500)
  })

  test('the directory belongs to one process, and so does the index', async () => {
    const path = await folder()
    const store = storeOn(path)
    await store.index.put(defaultTenant, [entry('a')])
    await expectRejection(storeOn(path).index.put(defaultTenant, [entry('b')]), 'store-locked')
  })
})

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0

test.skipIf(!canMount)('a full disk refuses entries with store-full, and takes them when there is room', async () => {
  const path = await folder()
  const disk = dirname(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', disk])
  onTestFinished(() => void execFileSync('umount', ['-l', disk]))
  const store = new FsStore({ path })
  await store.index.put(defaultTenant, [entry('kept')])
  await store.index.complete(defaultTenant)
  await writeFile(join(disk, 'ballast'), Buffer.alloc(900_000))
  const large = range(1, 500).map((number) => entry(number, number, { text: 'x'.repeat(2_000) }))
  const error = await expectRejection(store.index.put(defaultTenant, large), 'store-full')
  expect(error).toMatchObject({ isRetryable: true })
  expect(await store.index.get(defaultTenant, [keyOf('kept')])).toEqual([entry('kept')])
  expect(await store.index.status(defaultTenant)).toEqual({ isComplete: true })
  execFileSync('rm', [join(disk, 'ballast')])
  await store.index.put(defaultTenant, [entry('late')])
  expect(await store.index.get(defaultTenant, [keyOf('late')])).toEqual([entry('late')])
  await store.stop()
})

describe('the event loop', () => {
  test('gets its turns while thousands of entries are put, and while a filter looks at all sessions', async () => {
    const path = await filled()
    const store = storeOn(path)
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await store.index.put(
      defaultTenant,
      range(1, 20_000).map((number) => entry(number, number, { owner: 'ada', label: number === 1 ? 'rare' : 'common' })),
    )
    expect(turns).toBeGreaterThan(200)
    turns = 0
    const found = await store.index.page(defaultTenant, { sort: 'updatedAt', owner: 'ada', label: 'rare', limit: 10 })
    isOver = true
    expect(found.map(({ sessionKey }) => sessionKey)).toEqual([keyOf(1)])
    expect(turns).toBeGreaterThan(0)
  })
})

describe('node:sqlite', () => {
  test('is loaded without the warning that it is experimental, and other warnings pass', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warned.mockRestore())
    const { emitWarning } = process
    const load = vi.spyOn(process, 'getBuiltinModule').mockImplementation(((name: string) => {
      process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning')
      process.emitWarning('Something is deprecated', 'DeprecationWarning')
      return { name }
    }) as never)
    onTestFinished(() => load.mockRestore())
    expect(loadSqlite()).toEqual({ name: 'node:sqlite' })
    expect(warned.mock.calls).toEqual([['Something is deprecated', 'DeprecationWarning']])
    expect(process.emitWarning).toBe(emitWarning)
  })

  test('prints nothing in a process that uses a store', async () => {
    const path = await folder()
    const script = `
      import { FsStore } from ${JSON.stringify(new URL('./fs-store.ts', import.meta.url).href)}
      const store = new FsStore({ path: ${JSON.stringify(path)} })
      console.log((await store.index.status('default')).isComplete)
      await store.stop()
    `
    const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=beamclaw:source', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect([stdout, stderr]).toEqual(['false\n', ''])
  })

  test('may be missing: then the index is in memory, and says at each start that it has to be filled', async () => {
    const make = (): FsIndex =>
      new FsIndex({
        root: '/nowhere',
        sync: 'always',
        maxBytes: 1_000_000,
        fileSystem: nodeFileSystem,
        clock: new SystemClock(),
        checkOpen: () => {},
        asOwner: (work) => work(),
        sqlite: () => undefined,
      })
    const index = make()
    expect(await index.status(defaultTenant)).toEqual({
      isComplete: false,
      reason: 'this runtime has no node:sqlite, so the index is in memory and is made anew at each start',
    })
    await index.put(defaultTenant, [entry('a'), entry('b')])
    await index.delete(defaultTenant, [keyOf('a')])
    await index.complete(defaultTenant)
    expect(await index.page(defaultTenant, { sort: 'updatedAt', limit: 9 })).toEqual([entry('b')])
    expect(await index.get(defaultTenant, [keyOf('b')])).toEqual([entry('b')])
    expect(await index.status(defaultTenant)).toEqual({ isComplete: true })
    await index.clear(defaultTenant)
    await index.stop()
    expect(await make().status(defaultTenant)).toMatchObject({ isComplete: false })
  })
})

test('any calls in any order give the pages of an index in memory', async () => {
  const text = fc.constantFrom('', 'ada', 'bob', 'a\0b', '\ud83d', '🦀', '"')
  const time = fc.constantFrom(undefined, 0, 1, 1, 2, 2, -5, 1.5, 1e300, Number.MAX_SAFE_INTEGER)
  const key = fc
    .tuple(fc.constantFrom('main', 'main2', 'm'), fc.constantFrom('a', 'a:b', 'aa', 'b', 'b+1', 'z'))
    .map(([a, s]) => `agent:${a}:${s}` as SessionKey)
  const some = fc.record({
    sessionKey: key,
    createdAt: time,
    updatedAt: time,
    preview: fc.option(text, { nil: undefined }),
    label: fc.option(text),
    owner: fc.option(text),
  })
  const tenant = fc.constantFrom(defaultTenant, acme)
  const query = fc.record({
    sort: fc.constantFrom('key', 'updatedAt', 'createdAt'),
    limit: fc.integer({ min: 1, max: 6 }),
    prefix: fc.option(fc.constantFrom('agent:', 'agent:main', 'agent:main:', 'agent:main:a', 'x', ''), { nil: undefined }),
    label: fc.option(text, { nil: undefined }),
    owner: fc.option(text, { nil: undefined }),
  })
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('put'), tenant, entries: fc.array(some, { maxLength: 8 }) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('delete'), tenant, keys: fc.array(key, { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('clear', 'complete'), tenant }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('page'), tenant, query }) },
  )
  const store = storeOn(await folder())
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      run += 1
      const reference = memoryIndex()
      const named = (name: TenantId): TenantId => `${name}-${run}` as TenantId
      const both = async <T>(call: (index: SessionIndex, tenant: TenantId) => Promise<T>, of: TenantId): Promise<T> => {
        const [expected, found] = await Promise.all([call(reference, of), call(store.index, named(of))])
        expect(found).toEqual(expected)
        return expected
      }
      for (const one of steps) {
        if ('entries' in one) {
          const entries = one.entries.map(({ label, owner, ...rest }) => ({ ...rest, settings: { label, owner } })) as SessionIndexEntry[]
          await both((index, of) => index.put(of, entries), one.tenant)
        } else if ('keys' in one) await both((index, of) => index.delete(of, one.keys), one.tenant)
        else if ('query' in one) {
          const { prefix, label, owner, ...rest } = one.query
          const found = {
            ...rest,
            ...(prefix === undefined ? {} : { prefix }),
            ...(label === undefined ? {} : { label }),
            ...(owner === undefined ? {} : { owner }),
          }
          await pageByPage(found as SessionIndexQuery, (asked) => both((index, of) => index.page(of, asked), one.tenant))
        } else {
          await both((index, of) => (one.type === 'clear' ? index.clear(of) : index.complete(of)), one.tenant)
          await both(async (index, of) => (await index.status(of)).isComplete, one.tenant)
        }
      }
    }),
    { numRuns: 60 },
  )
})

async function pageByPage(
  query: SessionIndexQuery,
  ask: (query: SessionIndexQuery) => Promise<readonly SessionIndexEntry[]>,
): Promise<void> {
  const seen = new Set<SessionKey>()
  for (let after: SessionIndexQuery['after']; ; ) {
    const page = await ask({ ...query, ...(after === undefined ? {} : { after }) })
    for (const { sessionKey } of page) {
      expect(seen.has(sessionKey)).toBe(false)
      seen.add(sessionKey)
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = { sessionKey: last.sessionKey, at: query.sort === 'key' ? 0 : (last[query.sort] ?? 0) }
  }
}

test('an index that is copied at rest is the index of the copy', async () => {
  const path = await filled()
  const copy = await folder()
  await mkdir(copy, { recursive: true })
  await copyFile(join(path, 'index.sqlite'), join(copy, 'index.sqlite'))
  expect((await readFile(join(copy, 'index.sqlite'))).subarray(0, 15).toString()).toBe('SQLite format 3')
  expect(await storeOn(copy).index.page(defaultTenant, { sort: 'key', limit: 5_000 })).toHaveLength(2_000)
})
