import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectRejection, fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { surveyDirectory } from './survey.ts'
import { logKey, ownPath, scratchDirectory } from './testing/scratch.ts'
import { encodeOtherLine } from './wal-line.ts'

/** Two sessions, one of them in the write-ahead log alone, and a document. The store runs. */
async function filled(path: string): Promise<FsStore> {
  const first = new FsStore({ path })
  await (await first.openLog(logKey, fencingToken(1))).append(logRecords(1, 9))
  await (await first.openLog(storeKey('other'), fencingToken(1))).append(logRecords(1, 2))
  await first.put(storeKey('jobs', 'report'), { due: 1 })
  await first.stop()
  const store = new FsStore({ path })
  await (await store.openLog(storeKey('sessions', 'ops', 'new'), fencingToken(1))).append(logRecords(1, 3))
  return store
}

describe('a survey', () => {
  test('counts beside the owner, and finds no damage where there is none', async () => {
    await using scratch = await scratchDirectory()
    await using _ = await filled(scratch.path)
    const before = await readdir(scratch.path, { recursive: true })
    const seen: number[] = []
    const survey = await surveyDirectory({ path: scratch.path, onProgress: ({ checkedBytes }) => seen.push(checkedBytes) })
    expect(survey).toMatchObject({ format: 'current', sessions: 2, logs: 3, documents: 1, damaged: [], isWhole: true })
    expect(survey.walBytes).toBeGreaterThan(300)
    expect(survey.ownBytes).toBeGreaterThan(1_000)
    expect(survey.checkedBytes).toBeGreaterThanOrEqual(survey.walBytes + survey.ownBytes)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(await readdir(scratch.path, { recursive: true })).toEqual(before)
  })

  test('says where lines and documents are damaged, and counts on', async () => {
    await using scratch = await scratchDirectory()
    const store = await filled(scratch.path)
    const change = async (file: string, from: string, to: string) =>
      await writeFile(join(scratch.path, file), (await readFile(join(scratch.path, file), 'utf8')).replace(from, to))
    await change(ownPath, '"id":"', '"iX":"')
    await change('default/jobs/report.json', '"due":1', '"due":2')
    const [segment = ''] = (await readdir(join(scratch.path, 'wal'))).toSorted().slice(-1)
    await store.stop()
    await using again = new FsStore({ path: scratch.path })
    const log = await again.openLog(storeKey('sessions', 'ops', 'late'), fencingToken(1))
    for (const seq of [1, 2, 3]) await log.append(logRecords(seq))
    const [last = segment] = (await readdir(join(scratch.path, 'wal'))).toSorted().slice(-1)
    await change(`wal/${last}`, '"s":2,', '"s":8,')
    const { damaged, sessions } = await surveyDirectory({ path: scratch.path })
    expect(damaged).toMatchObject([
      { file: `wal/${last}`, offset: expect.any(Number) },
      { file: 'default/jobs/report.json' },
      { file: ownPath, line: 1 },
    ])
    expect(sessions).toBe(3)
  })

  test('tells a directory that is missing, of an earlier release, or of a later one', async () => {
    await using scratch = await scratchDirectory()
    expect(await surveyDirectory({ path: join(scratch.path, 'nothing') })).toMatchObject({ format: 'missing', logs: 0 })
    await mkdir(join(scratch.path, 'early/default/sessions/main/first'), { recursive: true })
    await writeFile(join(scratch.path, 'early/default/sessions/main/first/MANIFEST-0001'), '{}')
    expect((await surveyDirectory({ path: join(scratch.path, 'early') })).format).toBe('earlier')
    await mkdir(join(scratch.path, 'late/wal'), { recursive: true })
    await writeFile(join(scratch.path, 'late/wal/00000001.jsonl'), encodeOtherLine({ wal: 2, number: 1 }))
    expect((await surveyDirectory({ path: join(scratch.path, 'late') })).format).toBe('later')
  })

  test('ends when its time is up, and says so', async () => {
    await using scratch = await scratchDirectory('memory')
    await using _ = await filled(scratch.path)
    const endless = await surveyDirectory({
      path: scratch.path,
      maxMs: 1,
      onProgress: () => {
        for (const end = performance.now() + 2; performance.now() < end; );
      },
    })
    expect(endless.isWhole).toBe(false)
    await expectRejection(surveyDirectory({ path: scratch.path, maxMs: 0 }), 'invalid-option')
  })
})
