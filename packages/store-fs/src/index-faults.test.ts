/** Each call of the system for the index and its stamp fails once: sessions go on, nothing that was acknowledged is missing from a list that counts as whole. */
import { join } from 'node:path'
import { defaultTenant, type SessionIndexEntry, type SessionKey } from '@beamclaw/core'
import { range } from '@beamclaw/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { FsStore } from './fs-store.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const entry = (number: number, updatedAt: number): SessionIndexEntry => ({
  sessionKey: `agent:main:${number}` as SessionKey,
  createdAt: 1,
  updatedAt,
  settings: {},
})

/** The real file system, whose call number `failing` for a file of the index, or for the directory it is in, fails. */
function failingAt(root: string, failing: number, code: string): { readonly fileSystem: FileSystem; readonly calls: () => number } {
  const descriptors = new Set<number>()
  let calls = 0
  const isOfIndex = (arg: unknown): boolean =>
    typeof arg === 'number' ? descriptors.has(arg) : arg === root || String(arg).startsWith(join(root, 'index.sqlite'))
  const faulty = faultyFileSystem((name, [first]) => {
    if (name === 'close' || !isOfIndex(first)) return
    calls += 1
    if (calls === failing) throw systemError(code)
  })
  const fileSystem = new Proxy(faulty, {
    get: (target, name: keyof FileSystem) =>
      name !== 'open'
        ? target[name]
        : async (...args: Parameters<FileSystem['open']>) => {
            const descriptor = await target.open(...args)
            if (isOfIndex(args[0])) descriptors.add(descriptor)
            else descriptors.delete(descriptor)
            return descriptor
          },
  })
  return { fileSystem, calls: () => calls }
}

/** A process that may be refused, then one over a sound file system. Returns what is wrong with what the second one shows. */
async function wrongAfter(path: string, fileSystem: FileSystem, promised: Map<number, number>): Promise<readonly string[]> {
  const store = new FsStore({ path, fileSystem })
  const at = 1 + Math.max(0, ...promised.values())
  const wasComplete = await store.index.status(defaultTenant).then(
    ({ isComplete }) => isComplete,
    () => false,
  )
  // As core does: of an index that is not complete nothing is known before it was filled.
  if (!wasComplete) promised.clear()
  for (const number of range(1, 3)) {
    await store.index.put(defaultTenant, [entry(number, at)]).then(
      () => promised.set(number, at),
      () => {},
    )
    if ((await store.index.status(defaultTenant).catch(() => undefined))?.isComplete === false) {
      if (wasComplete) promised.clear()
      await store.index.complete(defaultTenant).catch(() => {})
    }
  }
  await store.stop()
  const next = new FsStore({ path })
  try {
    if (!(await next.index.status(defaultTenant)).isComplete) return []
    const found = await next.index.page(defaultTenant, { sort: 'updatedAt', limit: 9 })
    const times = new Map(found.map(({ sessionKey, updatedAt = 0 }) => [Number(sessionKey.split(':')[2]), updatedAt]))
    return [...promised].filter(([number, time]) => (times.get(number) ?? 0) < time).map(([number]) => `${number} is missing`)
  } finally {
    await next.stop()
  }
}

test.each(['EIO', 'ENOSPC', 'EMFILE'])('%s at any one call', async (code) => {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  const path = join(scratch.path, 'data')
  const first = new FsStore({ path, fileSystem: nodeFileSystem })
  await first.index.put(defaultTenant, [entry(1, 1)])
  await first.index.complete(defaultTenant)
  await first.stop()
  const promised = new Map([[1, 1]])
  let [failing, isReached] = [0, true]
  while (isReached) {
    failing += 1
    const { fileSystem, calls } = failingAt(path, failing, code)
    expect(await wrongAfter(path, fileSystem, promised), `call ${failing}`).toEqual([])
    isReached = calls() >= failing
  }
  expect(failing).toBeGreaterThan(30)
})
