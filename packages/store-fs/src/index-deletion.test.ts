import { existsSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { range } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const keyOf = (name: string | number): SessionKey => `agent:main:${name}` as SessionKey
const entry = (name: string | number, updatedAt = 1, settings: SessionIndexEntry['settings'] = {}): SessionIndexEntry => ({
  sessionKey: keyOf(name),
  updatedAt,
  preview: `hello ${name}`,
  settings,
})

async function folder(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  return join(scratch.path, 'data')
}

function storeOn(path: string, options: Partial<ConstructorParameters<typeof FsStore>[0]> = {}): FsStore {
  const store = new FsStore({ path, ...options })
  onTestFinished(() => store.stop())
  return store
}

describe('what was deleted from the index', () => {
  const files = ['index.sqlite', 'index.sqlite-wal']
  const holds = async (path: string, text: string): Promise<boolean[]> =>
    Promise.all(files.map(async (name) => existsSync(join(path, name)) && (await readFile(join(path, name))).includes(text)))

  /** A store with many entries, of which the one of `secret` was deleted. */
  async function deleted(path: string, clock: ManualClock): Promise<FsStore> {
    const store = storeOn(path, { clock })
    await store.index.put(
      defaultTenant,
      range(1, 400).map((number) => entry(number, number)),
    )
    await store.index.put(defaultTenant, [entry('secret', 7, { label: 'secret label' })])
    expect(await holds(path, 'hello secret')).toContain(true)
    await store.index.delete(defaultTenant, [keyOf('secret')])
    return store
  }

  test('is in no file some seconds later, and the rest is there', async () => {
    const [path, clock] = [await folder(), new ManualClock()]
    const store = await deleted(path, clock)
    await clock.advance(2_000)
    for (const text of ['hello secret', 'secret label'])
      await vi.waitFor(async () => expect(await holds(path, text)).toEqual([false, false]))
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 1_000 })).toHaveLength(400)
  })

  test('is in no file after a stop', async () => {
    const [path, clock] = [await folder(), new ManualClock()]
    await (await deleted(path, clock)).stop()
    expect(await holds(path, 'hello secret')).toEqual([false, false])
  })

  test('of a process that died at once is in no file when the next one has looked into the index', async () => {
    const [path, clock] = [await folder(), new ManualClock()]
    await deleted(path, clock)
    const copy = `${path}-as-it-was`
    await cp(path, copy, { recursive: true, filter: (name) => !name.endsWith('.lock') && !name.endsWith('-shm') })
    expect(await holds(copy, 'hello secret')).toContain(true)
    const store = storeOn(copy)
    expect(await store.index.page(defaultTenant, { sort: 'key', limit: 1_000 })).toHaveLength(400)
    expect(await holds(copy, 'hello secret')).toEqual([false, false])
  })

  test('when the file cannot be synced, it goes as a whole, and is made anew', async () => {
    const [path, clock] = [await folder(), new ManualClock()]
    let isBroken = false
    const fileSystem = faultyFileSystem(async (name) => {
      if (isBroken && name === 'datasync') throw systemError('EIO')
    })
    const store = storeOn(path, { clock, fileSystem })
    await store.index.put(defaultTenant, [entry('secret')])
    await store.index.complete(defaultTenant)
    await store.index.delete(defaultTenant, [keyOf('secret')])
    isBroken = true
    await clock.advance(2_000)
    await vi.waitFor(async () => expect(await holds(path, 'hello secret')).toEqual([false, false]))
    isBroken = false
    expect((await store.index.status(defaultTenant)).isComplete).toBe(false)
  })
})
