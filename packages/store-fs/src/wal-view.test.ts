import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logRecords, range } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import { LogProcess, ownPath, scratchDirectory } from './testing/scratch.ts'
import { encodeOtherLine } from './wal-line.ts'
import { WalView } from './wal-view.ts'

const path = ownPath.replace('.log.jsonl', '')
const segment = 'wal/00000001.jsonl'

test('lines that a failed write left, and that the owner cut off, do not count', async () => {
  await using scratch = await scratchDirectory()
  const owner = new LogProcess(scratch.path)
  const log = await owner.open()
  for (const seq of range(1, 3)) await log.append(logRecords(seq))
  const lines = (await readFile(join(scratch.path, segment), 'utf8')).split('\n')
  const view = new WalView(nodeFileSystem, scratch.path)
  expect(await view.refresh()).toBe(true)
  expect(view.linesOf(path).map(({ seq }) => seq)).toEqual([1, 2, 3])
  await truncate(join(scratch.path, segment), lines.slice(0, 3).join('\n').length + 1)
  await view.refresh()
  expect(view.linesOf(path).map(({ seq }) => seq)).toEqual([1, 2])
  await view.close()
})

test('bytes that do not count by the header of the next segment are no lines', async () => {
  await using scratch = await scratchDirectory()
  const owner = new LogProcess(scratch.path)
  const log = await owner.open()
  for (const seq of range(1, 3)) await log.append(logRecords(seq))
  const view = new WalView(nodeFileSystem, scratch.path)
  await view.refresh()
  const lines = (await readFile(join(scratch.path, segment), 'utf8')).split('\n')
  const bytes = lines.slice(0, 3).join('\n').length + 1
  await writeFile(join(scratch.path, 'wal/00000002.jsonl'), encodeOtherLine({ wal: 1, number: 2, previous: 1, bytes }))
  expect(await view.refresh()).toBe(true)
  expect(view.linesOf(path).map(({ seq }) => seq)).toEqual([1, 2])
  await view.close()
})

test('a line that has changed since it was found is refused, never given as another', async () => {
  await using scratch = await scratchDirectory()
  const owner = new LogProcess(scratch.path)
  const log = await owner.open()
  for (const seq of range(1, 3)) await log.append(logRecords(seq))
  const view = new WalView(nodeFileSystem, scratch.path)
  await view.refresh()
  const text = await readFile(join(scratch.path, segment), 'utf8')
  await truncate(join(scratch.path, segment), 100)
  await appendFile(join(scratch.path, segment), text.slice(100).replace('record', 'reKord'))
  const reading = view.read(path, view.linesOf(path))
  await expect(reading.next()).rejects.toMatchObject({ code: 'store-io', message: expect.stringContaining('Try again') })
  await view.close()
})

test('keeps segments readable that have gone, and says that they have', async () => {
  await using scratch = await scratchDirectory()
  const owner = new LogProcess(scratch.path, { walSegmentBytes: 1 })
  const log = await owner.open()
  for (const seq of range(1, 3)) await log.append(logRecords(seq))
  const view = new WalView(nodeFileSystem, scratch.path)
  expect(await view.refresh()).toBe(true)
  const lines = view.linesOf(path)
  await owner.stop()
  const seqs: number[] = []
  for await (const some of view.read(path, lines)) seqs.push(...some.map(({ line }) => line.seq))
  expect(seqs).toEqual([1, 2, 3])
  expect(await view.refresh()).toBe(false)
  expect(view.linesOf(path)).toEqual([])
  await view.close()
})
