import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultTenant, parseSessionKey, type StoreKey } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords } from '@beamclaw/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { DirectoryRepair, type FileFinding } from './directory-repair.ts'
import { FsStore } from './fs-store.ts'
import { surveyIndex } from './survey-index.ts'
import { faultyFileSystem, systemError } from './testing/faulty-file-system.ts'
import { scratchDirectory } from './testing/scratch.ts'

const journal: StoreKey = [defaultTenant, 'sessions', 'main', 'one']
const document: StoreKey = [...journal, 'metadata']
const documentFile = join('default', 'sessions', 'main', 'one', 'metadata.json')
const journalFile = join('default', 'sessions', 'main', 'one.log.jsonl')
const now = () => new Date('2026-11-23T04:05:06.007Z')

async function directory(): Promise<string> {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  const path = join(scratch.path, 'data')
  await write(path)
  return path
}

async function write(path: string): Promise<void> {
  await using store = new FsStore({ path })
  await store.put(document, { label: 'mine' })
  const log = await store.openLog(journal, fencingToken(Date.now()))
  const { records } = await log.read()
  await log.append(logRecords(records.length + 1, records.length + 3))
}

async function check(path: string, options: Partial<Parameters<typeof DirectoryRepair.open>[0]> = {}) {
  const found: FileFinding[] = []
  await using repair = await DirectoryRepair.open({ path, now, ...options })
  const checked = await repair.checkFiles({ onFinding: (finding) => void found.push(finding) })
  return { found, checked }
}

test('a document set aside replaces none that was set aside at the same moment', async () => {
  const path = await directory()
  const texts = ['first', 'second', 'third']
  for (const text of texts) {
    await writeFile(join(path, documentFile), text)
    const { found } = await check(path)
    expect(found).toMatchObject([{ kind: 'document', key: document, file: documentFile }])
  }
  const folder = join(path, 'default/sessions/main/one')
  const names = (await readdir(folder)).sort()
  const name = 'metadata.json.damaged-20261123T040506007Z'
  expect(names).toEqual([name, `${name}-2`, `${name}-3`])
  expect(await Promise.all(names.map((one) => readFile(join(folder, one), 'utf8')))).toEqual(texts)
  await using store = new FsStore({ path })
  expect(await store.get(document)).toBeUndefined()
})

test('the bytes of a damaged journal are those of before', async () => {
  const path = await directory()
  const text = await readFile(join(path, journalFile), 'utf8')
  await writeFile(join(path, journalFile), text.replace('"s":2', '"s":7'))
  const before = await readFile(join(path, journalFile))
  const { found } = await check(path)
  expect(found).toMatchObject([{ kind: 'log', key: journal, lines: [{ kind: 'damaged', file: journalFile, line: 2 }] }])
  expect(await readFile(join(path, journalFile))).toEqual(before)
  expect((await readdir(join(path, 'default/sessions/main'))).sort()).toEqual(['one', 'one.log.jsonl'])
})

test('an own file with a torn end that the write-ahead log has whole is no damage', async () => {
  const path = await directory()
  const copy = `${path}-copy`
  const store = new FsStore({ path })
  const log = await store.openLog(journal, fencingToken(Date.now()))
  await log.append(logRecords(4, 6))
  await cp(path, copy, { recursive: true })
  await store.stop()
  await rm(join(copy, '.lock'), { force: true })
  // A move that a crash has interrupted: the first bytes of the line that the write-ahead log has.
  await appendFile(join(copy, journalFile), '{"s":4,"k":["default","sess')
  expect((await check(copy)).found).toEqual([])
  await using next = new FsStore({ path: copy })
  expect((await next.readLog(journal))?.records).toHaveLength(6)
})

test('temporary files of dead processes go, and those of others stay where the directory is in use', async () => {
  const path = await directory()
  const names = ['.tmp-doc-dead-1', '.tmp-log-dead-1', '.tmp-mine']
  for (const name of names) await writeFile(join(path, 'default', name), 'left')
  const owner = new FsStore({ path })
  await owner.get(document)
  await expectRejection(check(path), 'store-locked')
  expect(await readdir(join(path, 'default'))).toEqual(expect.arrayContaining(names))
  await owner.stop()
  expect((await check(path)).checked).toMatchObject({ temporaries: 2, documents: 1, logs: 1 })
  expect(await readdir(join(path, 'default'))).toEqual(expect.arrayContaining(['.tmp-mine']))
  expect((await readdir(join(path, 'default'))).filter((name) => name.startsWith('.tmp-'))).toEqual(['.tmp-mine'])
})

test('a disk without room for a new name is store-full, and the document stays where it is', async () => {
  const path = await directory()
  await writeFile(join(path, documentFile), 'damaged')
  const fileSystem = faultyFileSystem((name, [from]) => {
    if (name === 'rename' && String(from).endsWith('.json')) throw systemError('ENOSPC')
  })
  await expectRejection(check(path, { fileSystem }), 'store-full')
  expect(await readFile(join(path, documentFile), 'utf8')).toBe('damaged')
})

test('a directory that no store has written is refused, and nothing is made in it', async () => {
  const scratch = await scratchDirectory('memory')
  onTestFinished(() => scratch[Symbol.asyncDispose]())
  await mkdir(join(scratch.path, 'project'))
  await writeFile(join(scratch.path, 'project', 'package.json'), '{}')
  await expectRejection(check(scratch.path), 'invalid-option')
  await expectRejection(check(join(scratch.path, 'nothing')), 'invalid-option')
  expect(await readdir(scratch.path)).toEqual(['project'])
})

test('a signal ends the check with its reason, and nothing more is set aside', async () => {
  const path = await directory()
  await writeFile(join(path, documentFile), 'damaged')
  await using repair = await DirectoryRepair.open({ path })
  const reason = new Error('enough')
  await expect(repair.checkFiles({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(await readFile(join(path, documentFile), 'utf8')).toBe('damaged')
})

test('tenants are found in the write-ahead log and in the directory', async () => {
  const path = await directory()
  await using repair = await DirectoryRepair.open({ path })
  const log = await repair.store.openLog(['acme' as typeof defaultTenant, 'sessions', 'main', 'x'], fencingToken(1))
  await log.append(logRecords(1))
  expect(await repair.tenants()).toEqual(['acme', 'default'])
})

test('the condition of an index is said without a change beside it', async () => {
  const path = await directory()
  expect(await surveyIndex(path)).toBe('missing')
  const store = new FsStore({ path })
  await store.index.clear(defaultTenant)
  expect(['unknown', 'incomplete']).toContain(await surveyIndex(path))
  await store.index.put(defaultTenant, [
    { sessionKey: parseSessionKey('agent:main:one'), createdAt: 1, updatedAt: 1, settings: { owner: 'ada' } },
  ])
  await store.index.complete(defaultTenant)
  await store.stop()
  const names = await readdir(path)
  expect(await surveyIndex(path)).toBe('complete')
  expect(await readdir(path)).toEqual(names)
  const intact = await readFile(join(path, 'index.sqlite'), 'latin1')
  // The row and its three indices of owners; the fourth name in the row is in its entry, which has a checksum of its own.
  const places = [...intact.matchAll(/"ada"/g)].map(({ index }) => index)
  const withNames = async (): Promise<string[]> => {
    const found: string[] = []
    for (const place of places) {
      await writeFile(join(path, 'index.sqlite'), `${intact.slice(0, place)}"eve"${intact.slice(place + 5)}`, 'latin1')
      found.push(await surveyIndex(path))
    }
    return found.sort()
  }
  expect(await withNames()).toEqual(Array(5).fill('damaged'))
  await rm(join(path, 'index.sqlite.stamp'))
  expect(await withNames()).toEqual(['complete', 'damaged', 'damaged', 'damaged', 'damaged'])
  const bytes = Buffer.from(intact, 'latin1')
  await writeFile(join(path, 'index.sqlite'), bytes.fill(0xff, 4_096 + 8, 4_096 + 64))
  expect(await surveyIndex(path)).toBe('damaged')
})
