/** A file of the index without a stamp, as a killed process leaves it, is looked through in the background. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { range } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { FsIndex, type FsIndexOptions } from './fs-index.ts'
import { checkIndexFile, type IndexCheck } from './index-check.ts'
import { IndexDamage } from './index-database.ts'
import { stampPath } from './index-stamp.ts'
import { scratchDirectory } from './testing/scratch.ts'

const keyOf = (name: string | number): SessionKey => `agent:main:${name}` as SessionKey
const entry = (name: string | number, updatedAt = 1): SessionIndexEntry => ({
  sessionKey: keyOf(name),
  createdAt: 1,
  updatedAt,
  preview: `hello ${name}`,
  settings: { owner: 'ada' },
})

function indexIn(root: string, options: Partial<FsIndexOptions> = {}): FsIndex {
  const index = new FsIndex({
    root,
    sync: 'always',
    maxBytes: 1_000_000,
    fileSystem: nodeFileSystem,
    clock: new ManualClock(),
    checkOpen: () => {},
    asOwner: (work) => work(),
    ...options,
  })
  onTestFinished(() => index.stop())
  return index
}

/** Resolves with the path of a complete index of 300 sessions that has no stamp. */
async function unstamped(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  const root = join(scratch.path, 'data')
  await mkdir(root)
  const index = indexIn(root)
  await index.put(
    defaultTenant,
    range(1, 300).map((number) => entry(number, number)),
  )
  await index.complete(defaultTenant)
  await index.stop()
  await rm(stampPath(join(root, 'index.sqlite')))
  return join(root, 'index.sqlite')
}

/** A check that ends when the test says so. */
function heldChecks() {
  const checks: { readonly path: string; isStopped: boolean; readonly end: (verdict: 'sound' | 'unknown' | IndexDamage) => void }[] = []
  const check = (path: string): IndexCheck => {
    const { promise: verdict, resolve: end } = Promise.withResolvers<'sound' | 'unknown' | IndexDamage>()
    const one = { path, isStopped: false, end }
    checks.push(one)
    const stop = (): void => {
      one.isStopped = true
      end('unknown')
    }
    return { verdict, stop }
  }
  return { checks, check }
}

const holds = async (file: string, text: string): Promise<boolean> => existsSync(file) && (await readFile(file)).includes(text)
const isComplete = async (index: FsIndex): Promise<boolean> => (await index.status(defaultTenant)).isComplete

describe('the check in another thread', () => {
  test('finds that a sorted list has another order than the entries', async () => {
    const file = await unstamped()
    expect(await checkIndexFile(file).verdict).toBe('sound')
    const bytes = await readFile(file)
    const places = [...bytes.toString('latin1').matchAll(/"ada"/g)].map(({ index }) => index + 1)
    // In the entries themselves a letter is found by their checksums.
    const verdicts: unknown[] = []
    for (const at of [places[0] ?? 0, places.at(-1) ?? 0, places[places.length >> 1] ?? 0]) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
      await writeFile(file, flipped)
      verdicts.push(await checkIndexFile(file).verdict)
    }
    expect(verdicts.some((verdict) => verdict instanceof IndexDamage)).toBe(true)
    await writeFile(file, Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096, 0xa5)]))
    expect(await checkIndexFile(file).verdict).toBeInstanceOf(IndexDamage)
    await writeFile(file, 'what somebody wrote')
    expect(await checkIndexFile(file).verdict).toBeInstanceOf(IndexDamage)
  })

  test('of a file that is not there says nothing, and leaves nothing', async () => {
    const file = await unstamped()
    const before = await readFile(file)
    await checkIndexFile(file).verdict
    expect([existsSync(`${file}-wal`), existsSync(`${file}-shm`)]).toEqual([false, false])
    expect(await readFile(file)).toEqual(before)
    expect(await checkIndexFile(`${file}-of-nobody`).verdict).toBe('unknown')
    const stopped = checkIndexFile(file)
    stopped.stop()
    expect(await stopped.verdict).toBe('unknown')
  })
})

describe('an index without a stamp', () => {
  test('is made anew at once when the text of its tables has changed, which no check of SQLite tells', async () => {
    const file = await unstamped()
    const bytes = await readFile(file)
    const at = bytes.indexOf('owner_updated ON sessions (tenant, owner, updated') + 'owner_updated ON sessions (tenant, owner, '.length
    // The index would be sorted by another column than lists ask for.
    const changed = Buffer.from(bytes)
    changed.write('created', at, 'latin1')
    await writeFile(file, changed)
    const index = indexIn(dirname(file))
    expect(await index.status(defaultTenant)).toMatchObject({ isComplete: false, reason: expect.stringContaining('its tables') })
  })

  test('is made anew once the check has found damage, and lists are served until then', async () => {
    const file = await unstamped()
    const { checks, check } = heldChecks()
    const index = indexIn(dirname(file), { check })
    expect(await isComplete(index)).toBe(true)
    expect(checks.map(({ path }) => path)).toEqual([file])
    checks[0]?.end(new IndexDamage('row 7 missing from index all_updated'))
    await vi.waitFor(async () => expect(await isComplete(index)).toBe(false))
    expect(await index.status(defaultTenant)).toMatchObject({ reason: expect.stringContaining('row 7 missing from index all_updated') })
    // The new file is known to be sound, and so is not checked.
    await index.put(defaultTenant, [entry('new')])
    await index.complete(defaultTenant)
    await index.stop()
    expect(checks).toHaveLength(1)
    expect(existsSync(stampPath(file))).toBe(true)
  })

  test('goes at a stop when the check has found damage and no call came after it', async () => {
    const file = await unstamped()
    const { checks, check } = heldChecks()
    const index = indexIn(dirname(file), { check })
    await isComplete(index)
    checks[0]?.end(new IndexDamage('row 7 missing'))
    await index.stop()
    expect([existsSync(file), existsSync(stampPath(file))]).toEqual([false, false])
  })

  test.each([
    ['passed', 'sound', true],
    ['did not end', undefined, false],
    ['could not look', 'unknown', false],
  ] as const)('is stamped at the stop only if the check has passed: it %s', async (_, verdict, isStamped) => {
    const file = await unstamped()
    const { checks, check } = heldChecks()
    const index = indexIn(dirname(file), { check })
    await index.put(defaultTenant, [entry('new')])
    if (verdict !== undefined) checks[0]?.end(verdict)
    await isComplete(index)
    await index.stop()
    expect(checks[0]?.isStopped).toBe(verdict === undefined)
    expect(existsSync(stampPath(file))).toBe(isStamped)
    const next = indexIn(dirname(file), { check })
    expect(await next.page(defaultTenant, { sort: 'key', limit: 1_000 })).toHaveLength(301)
    expect(checks).toHaveLength(isStamped ? 1 : 2)
  })

  test('does not change while it is checked; what was deleted is gone some seconds later all the same', async () => {
    const file = await unstamped()
    const { checks, check } = heldChecks()
    const clock = new ManualClock()
    const index = indexIn(dirname(file), { check, clock })
    const before = await readFile(file)
    await index.delete(defaultTenant, [keyOf(7)])
    await clock.advance(2_000)
    await clock.advance(2_000)
    await isComplete(index)
    expect(await readFile(file)).toEqual(before)
    expect(checks.map(({ isStopped }) => isStopped)).toEqual([false])
    await clock.advance(2_000)
    await clock.advance(2_000)
    await vi.waitFor(async () => {
      expect(await holds(file, '"preview":"hello 7"')).toBe(false)
      expect(await holds(`${file}-wal`, '"preview":"hello 7"')).toBe(false)
    })
    // It began again on the file as it is now.
    await vi.waitFor(() => expect(checks.map(({ isStopped }) => isStopped)).toEqual([true, false]))
    // The next deletion waits as long as the first one did.
    await index.delete(defaultTenant, [keyOf(8)])
    await clock.advance(2_000)
    await isComplete(index)
    expect(checks.map(({ isStopped }) => isStopped)).toEqual([true, false])
  })

  test('is not trusted for a verdict that comes after its check was given up: the file has changed since', async () => {
    const file = await unstamped()
    const verdicts: ((verdict: 'sound') => void)[] = []
    const check = (): IndexCheck => {
      const { promise: verdict, resolve } = Promise.withResolvers<'sound' | 'unknown' | IndexDamage>()
      verdicts.push(resolve)
      return { verdict, stop: () => {} }
    }
    const clock = new ManualClock()
    const index = indexIn(dirname(file), { check, clock })
    await index.delete(defaultTenant, [keyOf(7)])
    for (const _ of range(1, 4)) {
      await clock.advance(2_000)
      await isComplete(index)
    }
    await vi.waitFor(() => expect(verdicts).toHaveLength(2))
    verdicts[0]?.('sound')
    await isComplete(index)
    await index.stop()
    expect(existsSync(stampPath(file))).toBe(false)
  })

  test('that is written to all the time is checked three times at most, and its write-ahead log stays bounded', async () => {
    const file = await unstamped()
    const { checks, check } = heldChecks()
    const index = indexIn(dirname(file), { check })
    const before = await readFile(file)
    await index.put(
      defaultTenant,
      range(1, 2_000).map((number) => entry(number, 5)),
    )
    expect(await readFile(file)).toEqual(before)
    for (const round of range(1, 20))
      await index.put(
        defaultTenant,
        range(1, 2_000).map((number) => entry(number, round)),
      )
    expect(await readFile(file)).not.toEqual(before)
    for (const round of range(1, 20))
      await index.put(
        defaultTenant,
        range(1, 2_000).map((number) => entry(number, round)),
      )
    expect(checks.map(({ isStopped }) => isStopped)).toEqual([true, true, true])
  })
})
