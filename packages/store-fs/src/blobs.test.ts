import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { logKey, scratchDirectory } from './testing/scratch.ts'
import { strictFileSystem } from './testing/strict-file-system.ts'

const other = storeKey('sessions', 'ops', 'other')
const directory = join('default', 'sessions', 'ops', 'main.blobs')
const otherDirectory = join('default', 'sessions', 'ops', 'other.blobs')

const bytesOf = (seed: number, length = 3_000): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => Math.imul(index + 1, seed + 7) >>> 5)

async function wholeOf(store: FsStore, key: typeof logKey, id: string): Promise<Buffer | undefined> {
  const blob = await store.blobs.read(key, id)
  if (blob === undefined) return undefined
  const pieces: Uint8Array[] = []
  for await (const piece of blob.bytes) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe('the files of blobs', () => {
  test('are named by their content, in a directory beside the log, and readable by their owner alone', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    const id = await store.blobs.put(logKey, bytesOf(1))
    expect(await readdir(join(scratch.path, directory))).toEqual([id])
    const file = join(scratch.path, directory, id)
    expect(await readFile(file)).toEqual(Buffer.from(bytesOf(1)))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(scratch.path, directory))).mode & 0o777).toBe(0o700)
  })

  test('are one file for a blob that two owners share, and go with the last of them', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    const id = await store.blobs.put(logKey, bytesOf(2))
    await store.blobs.share(logKey, other, [id])
    const [one, two] = [join(scratch.path, directory, id), join(scratch.path, otherDirectory, id)]
    expect((await stat(one)).ino).toBe((await stat(two)).ino)
    await store.blobs.deleteAll(logKey)
    expect([existsSync(join(scratch.path, directory)), existsSync(two)]).toEqual([false, true])
    await store.blobs.deleteAll(other)
    expect(existsSync(join(scratch.path, otherDirectory))).toBe(false)
  })

  for (const code of ['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP']) {
    test(`are copied where the system has no hard link for them: ${code}`, async () => {
      await using scratch = await scratchDirectory('memory')
      const fileSystem = faultyFileSystem((name) => {
        if (name === 'link') throw systemError(code)
      })
      await using store = new FsStore({ path: scratch.path, fileSystem })
      const id = await store.blobs.put(logKey, bytesOf(3))
      expect(await store.blobs.share(logKey, other, [id])).toEqual([id])
      await store.blobs.deleteAll(logKey)
      expect(await wholeOf(store, other, id)).toEqual(Buffer.from(bytesOf(3)))
    })
  }

  test('are copied where one may not be written, and a damaged one is left out', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    const [whole, damaged] = [await store.blobs.put(logKey, bytesOf(9)), await store.blobs.put(logKey, bytesOf(10))]
    await writeFile(join(scratch.path, directory, damaged), 'other bytes')
    for (const id of [whole, damaged]) await chmod(join(scratch.path, directory, id), 0o400)
    expect(await store.blobs.share(logKey, other, [whole, damaged])).toEqual([whole])
    expect(await wholeOf(store, other, whole)).toEqual(Buffer.from(bytesOf(9)))
    expect((await store.blobs.list(other)).map(({ id }) => id)).toEqual([whole])
  })

  test('are not written again for the same bytes, and are replaced when they are damaged', async () => {
    await using scratch = await scratchDirectory('memory')
    let writes = 0
    const fileSystem = faultyFileSystem((name) => {
      if (name === 'write' || name === 'rename') writes += 1
    })
    await using store = new FsStore({ path: scratch.path, fileSystem })
    const id = await store.blobs.put(logKey, bytesOf(4))
    const before = writes
    await store.blobs.put(logKey, bytesOf(4))
    expect(writes).toBe(before)
    for (const damage of [bytesOf(5), bytesOf(4).slice(1), new Uint8Array()]) {
      await writeFile(join(scratch.path, directory, id), damage)
      await expectRejection(wholeOf(store, logKey, id), 'log-corrupt')
      await store.blobs.put(logKey, bytesOf(4))
      expect(await wholeOf(store, logKey, id)).toEqual(Buffer.from(bytesOf(4)))
    }
  })

  test('that a dead process left half written go with the next one, and with the deletion', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    await mkdir(join(scratch.path, directory), { recursive: true })
    const leave = (): Promise<void> => writeFile(join(scratch.path, directory, '.tmp-doc-00000000-7-blob'), 'half')
    await leave()
    expect(await store.blobs.list(logKey)).toEqual([])
    const id = await store.blobs.put(logKey, bytesOf(6))
    expect(await readdir(join(scratch.path, directory))).toEqual([id])
    await leave()
    await store.blobs.deleteAll(logKey)
    expect(existsSync(join(scratch.path, directory))).toBe(false)
  })

  test('cost nothing for sessions without blobs: a look makes no directory', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    await store.blobs.list(logKey)
    await store.blobs.read(logKey, 'a'.repeat(64))
    await store.blobs.share(logKey, other, ['a'.repeat(64)])
    await store.blobs.deleteAll(logKey)
    expect(existsSync(join(scratch.path, 'default'))).toBe(false)
  })

  for (const [code, expected] of [
    ['ENOSPC', 'store-full'],
    ['EDQUOT', 'store-full'],
    ['EIO', 'store-io'],
  ] as const) {
    test(`leave nothing behind when there is ${code}, and are there when it is tried again`, async () => {
      await using scratch = await scratchDirectory('memory')
      let isFailing = false
      const fileSystem = faultyFileSystem(async (name, args) => {
        if (!isFailing || name !== 'write') return
        const [descriptor, bytes, offset, length, position] = args as [number, Buffer, number, number, number]
        await strictFileSystem.write(descriptor, bytes, offset, length >> 1, position)
        throw systemError(code)
      })
      await using store = new FsStore({ path: scratch.path, fileSystem })
      await store.blobs.list(logKey)
      isFailing = true
      await expectRejection(store.blobs.put(logKey, bytesOf(7)), expected)
      expect(await readdir(join(scratch.path, directory))).toEqual([])
      isFailing = false
      const id = await store.blobs.put(logKey, bytesOf(7))
      expect(await wholeOf(store, logKey, id)).toEqual(Buffer.from(bytesOf(7)))
    })
  }

  test('are streamed in pieces: a large one is never in memory as a whole', async () => {
    await using scratch = await scratchDirectory('memory')
    await using store = new FsStore({ path: scratch.path })
    const id = await store.blobs.put(logKey, bytesOf(8, 3_000_000))
    const sizes: number[] = []
    for await (const piece of (await store.blobs.read(logKey, id))?.bytes ?? []) sizes.push(piece.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(3_000_000)
  })

  test('are written to their end when the store is stopped meanwhile', async () => {
    await using scratch = await scratchDirectory('memory')
    const store = new FsStore({ path: scratch.path })
    const writing = range(1, 5).map((seed) => store.blobs.put(logKey, bytesOf(seed)))
    await store.stop()
    const ids = await Promise.all(writing)
    await using next = new FsStore({ path: scratch.path })
    expect((await next.blobs.list(logKey)).map(({ id }) => id)).toEqual([...ids].sort())
  })
})

/** What must hold after a power cut at this moment. */
interface Promised {
  /** Blobs that are durable, by owner; and those that may be there. */
  readonly durable: ReadonlyMap<string, ReadonlySet<string>>
  readonly possible: ReadonlyMap<string, ReadonlySet<string>>
}

class Promises {
  readonly #durable = new Map<string, Set<string>>()
  readonly #possible = new Map<string, Set<string>>()

  async making(owner: string, ids: readonly string[], call: () => Promise<unknown>): Promise<void> {
    for (const id of ids) this.#of(this.#possible, owner).add(id)
    await call()
    for (const id of ids) this.#of(this.#durable, owner).add(id)
  }

  async deleting(owner: string, call: () => Promise<unknown>): Promise<void> {
    this.#of(this.#durable, owner).clear()
    await call()
    this.#of(this.#possible, owner).clear()
  }

  now(): Promised {
    const copy = (map: Map<string, Set<string>>) => new Map([...map].map(([owner, ids]) => [owner, new Set(ids)]))
    return { durable: copy(this.#durable), possible: copy(this.#possible) }
  }

  #of(map: Map<string, Set<string>>, owner: string): Set<string> {
    const ids = map.get(owner) ?? new Set<string>()
    map.set(owner, ids)
    return ids
  }
}

const owners = { main: logKey, other } as const

describe('a power cut', () => {
  for (const seeds of [range(1, 100), range(101, 200), range(201, 300)]) {
    test(`F14: at any call for blobs leaves each of them or none, and never other bytes under its name (seeds ${seeds[0]} to ${seeds.at(-1)})`, async () => {
      for (const seed of seeds) await liveThroughCuts(seed)
    }, 60_000)
  }
})

/** A life of random calls; at a random call to the system the power is cut, and the state is read by another store. */
async function liveThroughCuts(seed: number): Promise<void> {
  await using scratch = await scratchDirectory('memory')
  const data = join(scratch.path, 'live')
  await mkdir(data)
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const names = new Map<string, Uint8Array>()
  const promises = new Promises()
  const cuts: { readonly path: string; readonly promised: Promised; readonly note: string }[] = []
  let call = 0
  const crashing = new CrashFileSystem(data, () => {
    call += 1
    if (call < 8 || random(25) > 0) return
    const mix = random(3)
    const path = join(scratch.path, `cut-${call}`)
    crashing.crash(path, () => (mix === 0 ? false : mix === 1 ? true : random(2) === 1))
    cuts.push({ path, promised: promises.now(), note: `seed ${seed}, call ${call}, mix ${mix}` })
  })
  {
    await using store = new FsStore({ path: data, fileSystem: crashing.fileSystem })
    const log = await store.openLog(logKey, fencingToken(1))
    for (const round of range(1, 7)) {
      const [owner, rest] = random(2) === 0 ? (['main', 'other'] as const) : (['other', 'main'] as const)
      const kind = random(5)
      if (kind < 3) {
        const bytes = bytesOf(random(4), 1_000 + random(3) * 20_000)
        const id = createHash('sha256').update(bytes).digest('hex')
        names.set(id, bytes)
        await promises.making(owner, [id], () => store.blobs.put(owners[owner], bytes))
      } else if (kind === 3) {
        const ids = (await store.blobs.list(owners[rest])).map(({ id }) => id)
        await promises.making(owner, ids, () => store.blobs.share(owners[rest], owners[owner], ids))
      } else await promises.deleting(owner, () => store.blobs.deleteAll(owners[owner]))
      await log.append(logRecords(round))
    }
  }
  for (const { path, promised, note } of cuts) {
    // The machine has started anew; here its lock file would name this very process.
    await rm(join(path, '.lock'), { force: true })
    await using store = new FsStore({ path })
    for (const owner of ['main', 'other'] as const) {
      const found = (await store.blobs.list(owners[owner])).map(({ id }) => id)
      for (const id of promised.durable.get(owner) ?? []) expect(found, note).toContain(id)
      for (const id of found) {
        expect(promised.possible.get(owner), note).toContain(id)
        expect((await wholeOf(store, owners[owner], id))?.equals(names.get(id) ?? Buffer.alloc(0)), note).toBe(true)
      }
    }
  }
}
