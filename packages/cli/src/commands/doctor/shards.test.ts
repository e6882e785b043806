// What `doctor` says of a data directory that workers have split.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultTenant } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { shardPath } from '@beamclaw/workers'
import { expect, onTestFinished, test } from 'vitest'
import { checkDataDirectory } from './data-directory.ts'

async function splitDirectory(): Promise<string> {
  const path = mkdtempSync(join(tmpdir(), 'beamclaw-shards-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  writeFileSync(join(path, 'shards.json'), '{}')
  for (const shard of [0, 1, 2]) mkdirSync(shardPath(path, shard), { recursive: true })
  const store = new FsStore({ path: shardPath(path, 1) })
  await store.put([defaultTenant, 'notes'], { text: 'sun' })
  await store.stop()
  return path
}

test('each shard has a finding of its own', async () => {
  const path = await splitDirectory()
  const findings = (await checkDataDirectory(path)).filter(({ name }) => name.startsWith('shard'))
  expect(findings).toMatchObject([
    { name: 'shards', state: 'ok', detail: '3, split by workers: start it with --workers' },
    { name: 'shard 00', state: 'ok', detail: 'no sessions yet' },
    { name: 'shard 01', state: 'ok', detail: expect.stringMatching(/^0 sessions, /) },
    { name: 'shard 02', state: 'ok' },
  ])
})

test('damage is told with its shard', async () => {
  const path = await splitDirectory()
  truncateSync(join(shardPath(path, 1), defaultTenant, 'notes.json'), 5)
  const wrong = (await checkDataDirectory(path)).filter(({ state }) => state === 'problem')
  expect(wrong).toMatchObject([{ name: 'shard 01', detail: expect.stringContaining('data files: damaged: default/notes.json') }])
})

test('a directory whose shards are gone is a problem', async () => {
  const path = await splitDirectory()
  rmSync(join(path, 'shards'), { recursive: true })
  expect((await checkDataDirectory(path)).at(-1)).toMatchObject({ name: 'shards', state: 'problem' })
})
