// A folder is exchanged for a link to another one between the check and the use, for real, by another thread.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listInside, readInside, removeInside, writeInside } from './files-inside.ts'
import { Scratch, secret } from './testing/make-paths.ts'

let scratch: Scratch
let worker: Worker
beforeEach(() => {
  scratch = new Scratch()
  mkdirSync(join(scratch.root, 'd'))
  writeFileSync(join(scratch.root, 'd/secret.txt'), 'harmless')
  worker = new Worker(new URL('./testing/swap-folder.ts', import.meta.url), {
    workerData: { folder: join(scratch.root, 'd'), target: '../outside' },
  })
})
afterEach(async () => {
  await worker.terminate()
  await scratch.remove()
})

/** Makes calls until enough have gone through and enough have failed. A failed one returns nothing. */
async function untilBoth<T>(call: () => Promise<T>): Promise<readonly T[]> {
  const values: T[] = []
  for (let failed = 0, calls = 0; calls < 500 || failed < 20 || values.length < 20; calls++) {
    await call().then(
      (value) => values.push(value),
      () => failed++,
    )
  }
  return values
}

it.skipIf(process.platform !== 'linux')('no read, write, list or removal leaves the workspace', { timeout: 120_000 }, async () => {
  const read = await untilBoth(async () => Buffer.from(await readInside(scratch.root, 'd/secret.txt', 100)).toString())
  expect(new Set(read)).toEqual(new Set(['harmless']))
  await untilBoth(() => writeInside(scratch.root, 'd/secret.txt', 'harmless'))
  expect(scratch.secrets()).toEqual([secret, secret])
  const lists = await untilBoth(() => listInside(scratch.root, 'd'))
  expect(new Set(lists.map((entries) => JSON.stringify(entries)))).toEqual(
    new Set([JSON.stringify([{ name: 'secret.txt', type: 'file' }])]),
  )
  await untilBoth(async () => {
    await writeInside(scratch.root, 'd/secret.txt', 'harmless')
    await removeInside(scratch.root, 'd/secret.txt')
  })
  expect(scratch.secrets()).toEqual([secret, secret])
  expect(readdirSync(join(scratch.base, 'outside'))).toEqual(['secret.txt'])
})
