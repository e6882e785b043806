/** A backup copies what is damaged as it is, and says so. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { backupDirectory } from './backup.ts'
import { FsStore } from './fs-store.ts'
import { LogProcess, ownPath, scratchDirectory } from './testing/scratch.ts'

describe('a backup names what is damaged', () => {
  test('a line of a session at rest, a document, and no more than a hundred of them; what is whole is not named', async () => {
    await using scratch = await scratchDirectory('memory')
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    const store = new FsStore({ path: from })
    for (const number of range(1, 104)) {
      const log = await store.openLog(storeKey('sessions', 'ops', `s${number}`), fencingToken(1))
      await log.append(logRecords(1, 3))
      await log.close()
    }
    await store.put(storeKey('jobs', 'a'), { at: '09:00' })
    await store.put(storeKey('jobs', 'b'), { at: '09:00' })
    await store.stop()
    expect(await backupDirectory({ from, to })).toMatchObject({ damaged: [], damagedFiles: 0 })
    await flip(join(from, 'default/jobs/b.json'), '09:00')
    await flip(join(from, 'default/sessions/ops/s7.log.jsonl'), '"id":"record-2"')
    const one = await backupDirectory({ from, to: `${to}-2` })
    expect(one.damaged).toEqual([
      { file: 'default/jobs/b.json', key: storeKey('jobs', 'b'), lines: 1 },
      { file: 'default/sessions/ops/s7.log.jsonl', key: storeKey('sessions', 'ops', 's7'), lines: 1 },
    ])
    expect(await readFile(join(`${to}-2`, 'default/jobs/b.json'))).toEqual(await readFile(join(from, 'default/jobs/b.json')))
    for (const number of range(1, 104))
      if (number !== 7) await flip(join(from, `default/sessions/ops/s${number}.log.jsonl`), '"id":"record-2"')
    await writeFile(join(from, 'default/jobs/a.json'), '')
    const many = await backupDirectory({ from, to: `${to}-3` })
    expect([many.damaged.length, many.damagedFiles]).toEqual([100, 106])
  })

  async function flip(file: string, text: string): Promise<void> {
    const bytes = await readFile(file)
    const at = bytes.indexOf(text)
    expect(at, file).toBeGreaterThan(0)
    bytes.writeUInt8(bytes.readUInt8(at + 1) ^ 1, at + 1)
    await writeFile(file, bytes)
  }

  test('not the end of an own file that a crash has torn and the write-ahead log has whole', async () => {
    await using scratch = await scratchDirectory()
    const [from, to] = [join(scratch.path, 'data'), join(scratch.path, 'copy')]
    await mkdir(from)
    const owner = new LogProcess(from)
    const log = await owner.open()
    await log.append(logRecords(1, 3))
    // What a move that was cut off has written so far.
    const lines = (await readFile(join(from, 'wal/00000001.jsonl'), 'utf8')).split('\n').filter((line) => line.startsWith('{"s":'))
    await mkdir(join(from, 'default/sessions/ops'), { recursive: true })
    await writeFile(join(from, ownPath), `${lines[0]}\n${lines[1]?.slice(0, 40)}`)
    expect(await backupDirectory({ from, to })).toMatchObject({ damaged: [], damagedFiles: 0 })
  })
})
