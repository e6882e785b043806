/** A power cut while the shards take the place of the old layout, with any mix of what was not synced: one of the two is whole. */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FsStore, nodeFileSystem } from '@beamclaw/store-fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
// @boundaries-ignore a power cut is a matter of the files of store-fs, whose tests have one
import { CrashFileSystem } from '../../store-fs/src/testing/crash-file-system.ts'
import { isSharded } from './shard-directory.ts'
import { splitDataDirectory } from './split.ts'
import { finishSplit } from './split-finish.ts'
import { contentsOf, contentsOfShards, fillDirectory } from './testing/filled-directory.ts'

let scratch: string

beforeAll(() => {
  scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'beamclaw-cut-'))
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function readAlone(path: string): Promise<Readonly<Record<string, unknown>>> {
  await using store = new FsStore({ path })
  return await contentsOf(store)
}

test('leaves all of the old layout, or all of the shards', { timeout: 120_000 }, async () => {
  const filled = join(scratch, 'filled')
  await fillDirectory(filled)
  const copies = ['read', 'live'].map((name) => join(scratch, name)) as [string, string]
  for (const copy of copies) cpSync(filled, copy, { recursive: true })
  const [readable, live] = copies
  const expected = await readAlone(readable)

  const cuts: { readonly path: string; readonly note: string }[] = []
  let call = 0
  const crashing = new CrashFileSystem(live, () => {
    call += 1
    // Until then nothing of the old layout is touched.
    if (!existsSync(join(live, 'shards')) && !existsSync(join(live, 'shards.new', '.split.json'))) return
    // Nothing, all, and a random mix of what was not synced.
    for (const mix of [0, 1, 2]) {
      let state = call * 3 + mix
      const survives = (): boolean => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return mix === 0 ? false : mix === 1 ? true : ((state >>> 16) & 1) === 1
      }
      const path = join(scratch, `cut-${call}-${mix}`)
      crashing.crash(path, survives)
      // It names this very process.
      rmSync(join(path, '.lock'), { force: true })
      cuts.push({ path, note: `call ${call}, mix ${mix}` })
    }
  })
  await splitDataDirectory(live, { fileSystem: crashing.fileSystem })
  const seen = { old: 0, shards: 0 }
  for (const { path, note } of cuts) {
    if (isSharded(path)) {
      seen.shards += 1
      await finishSplit(nodeFileSystem, path)
      expect(await contentsOfShards(path), note).toEqual(expected)
    } else {
      seen.old += 1
      expect(await readAlone(path), note).toEqual(expected)
    }
  }
  expect(seen.old).toBeGreaterThan(2)
  expect(seen.shards).toBeGreaterThan(20)
})
