import { copyFile, cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError, type SnapshotOptions } from '@beamclaw/core'
import { expectRejection, logRecords, range } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'

/** A log whose last segment holds `batches` batches; resolves with the bytes where each batch starts, and the end. */
async function writeLog(
  path: string,
  batches: readonly (readonly [from: number, to: number])[],
): Promise<{ file: string; starts: number[] }> {
  await mkdir(path, { recursive: true })
  const process = new LogProcess(path)
  const log = await process.open()
  const file = join(path, '0001.jsonl')
  const starts = [0]
  for (const [from, to] of batches) {
    await log.append(logRecords(from, to, 'ü'.repeat(from)))
    starts.push((await stat(file)).size)
  }
  await log.close()
  return { file, starts }
}

const singles = range(1, 5).map((seq) => [seq, seq] as const)

describe('a torn write at the end', () => {
  test('F12: cut at every byte of the last record, the log opens and loses that record only', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    const { starts } = await writeLog(source, singles)
    const [last = 0, end = 0] = starts.slice(-2)
    for (let length = last; length < end; length++) {
      const path = join(scratch.path, `cut-${length}`)
      await cp(source, path, { recursive: true })
      await truncate(join(path, '0001.jsonl'), length)
      const log = await new LogProcess(path).open()
      expect((await log.read()).records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
      await log.append(logRecords(5))
      expect((await log.read()).records).toHaveLength(5)
      await log.close()
      expect((await stat(join(path, '0001.jsonl'))).size).toBe(last)
      const sidecar = (await readdir(path)).filter((name) => name.endsWith('.torn'))
      expect(sidecar).toEqual(length === last ? [] : ['0001.jsonl.torn'])
      if (length > last) expect((await readFile(join(path, '0001.jsonl.torn'))).length).toBe(length - last)
    }
  })

  test('a page of zeros, and garbage, after the last record are cut off', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const [index, tail] of [Buffer.alloc(4096), Buffer.from('{"s":6,"g":1}\n'), Buffer.from('\n\n')].entries()) {
      const path = join(scratch.path, `${index}`)
      const { file } = await writeLog(path, singles)
      await writeFile(file, tail, { flag: 'a' })
      const log = await new LogProcess(path).open()
      expect((await log.read()).records).toHaveLength(5)
      await log.close()
    }
  })

  test('a batch that was torn in its middle goes as far as it is bad, though a later part reached the disk', async () => {
    await using scratch = await scratchDirectory('memory')
    const { file, starts } = await writeLog(scratch.path, [...singles, [6, 40]])
    const bytes = await readFile(file)
    // A page of the last write that never reached the disk: the file has its length, and a hole.
    bytes.fill(0, (starts[5] ?? 0) + 300, (starts[5] ?? 0) + 700)
    await writeFile(file, bytes)
    const log = await new LogProcess(scratch.path).open()
    const { records } = await log.read()
    expect(records.length).toBeGreaterThanOrEqual(5)
    expect(records.length).toBeLessThan(40)
    await log.append(logRecords(records.length + 1))
    await log.close()
  })

  test('without syncing, a hole anywhere since the opening is a torn write, though later records reached the disk', async () => {
    await using scratch = await scratchDirectory('memory')
    const owner = new LogProcess(scratch.path, { sync: 'os' })
    const log = await owner.open()
    for (const seq of range(1, 9)) await log.append(logRecords(seq))
    await log.close()
    const file = join(scratch.path, '0001.jsonl')
    const bytes = await readFile(file)
    bytes.fill(0, 300, 340)
    await writeFile(file, bytes)
    const again = await new LogProcess(scratch.path).open()
    const { records } = await again.read()
    expect(records).toEqual(logRecords(1, records.length))
    expect(records.length).toBeGreaterThan(0)
    expect(records.length).toBeLessThan(9)
  })
})

describe('a record that went bad', () => {
  test('F13: a flipped bit anywhere before the last record is log-corrupt, naming file and offset', async () => {
    await using scratch = await scratchDirectory('memory')
    const { file, starts } = await writeLog(scratch.path, singles)
    const good = await readFile(file)
    const last = starts.at(-2) ?? 0
    for (let offset = 0; offset < last; offset += 3) {
      const bytes = Buffer.from(good)
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8))
      await writeFile(file, bytes)
      const error = await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
      const badLine = Math.max(...starts.filter((start) => start <= offset))
      expect(error.details).toMatchObject({ file, offset: badLine })
      expect(error.message).toContain(file)
    }
    await writeFile(file, good)
    const log = await new LogProcess(scratch.path).open()
    expect((await log.read()).records).toHaveLength(5)
    await log.close()
  })

  test('a flipped bit or a missing byte anywhere in a sealed segment is log-corrupt', async () => {
    await using scratch = await scratchDirectory('memory')
    const { file } = await writeLog(scratch.path, singles)
    await (await new LogProcess(scratch.path).open()).close()
    const good = await readFile(file)
    for (let offset = 0; offset < good.length; offset += 7) {
      const bytes = Buffer.from(good)
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x10
      await writeFile(file, bytes)
      await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
    }
    await writeFile(file, good.subarray(0, -1))
    await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
  })

  test('a manifest that is damaged or missing is log-corrupt, and deletes nothing', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    await writeLog(source, singles)
    const damage: ((path: string) => Promise<void>)[] = [
      (path) => writeFile(path, ''),
      (path) => truncate(path, 40),
      async (path) => writeFile(path, (await readFile(path, 'utf8')).replace('"epoch":1', '"epoch":2')),
    ]
    for (const [index, harm] of damage.entries()) {
      const path = join(scratch.path, `${index}`)
      await cp(source, path, { recursive: true })
      await harm(join(path, 'MANIFEST-0001'))
      await expectRejection(new LogProcess(path).open(), 'log-corrupt')
      await copyFile(join(source, 'MANIFEST-0001'), join(path, 'MANIFEST-0001'))
      const log = await new LogProcess(path).open()
      expect((await log.read()).records).toHaveLength(5)
      await log.close()
    }
  })
})

describe('a snapshot that cannot be read', () => {
  async function compacted(path: string, snapshots: number, options: SnapshotOptions = {}): Promise<void> {
    await mkdir(path, { recursive: true })
    const log = await new LogProcess(path).open()
    for (const round of range(1, snapshots)) {
      await log.append(logRecords(round * 2 - 1, round * 2))
      await log.snapshot({ seq: round * 2, state: { upTo: round * 2 } }, options)
    }
    await log.append(logRecords(snapshots * 2 + 1))
    await log.close()
  }

  test('gives way to the one before it, with every record since', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const snapshots of [1, 2, 4]) {
      const path = join(scratch.path, `${snapshots}`)
      await compacted(path, snapshots)
      await truncate(join(path, `snap-${snapshots * 2}.json`), 10)
      for (const _ of range(1, 2)) {
        const log = await new LogProcess(path).open()
        const before = (snapshots - 1) * 2
        const snapshot = before === 0 ? undefined : { seq: before, state: { upTo: before } }
        expect(await log.read()).toEqual({ snapshot, records: logRecords(before + 1, snapshots * 2 + 1) })
        await log.close()
      }
      expect(await readdir(path)).toContain(`snap-${snapshots * 2}.json.bad`)
    }
  })

  test('is log-corrupt when the one before it cannot be read either and the records were dropped', async () => {
    await using scratch = await scratchDirectory('memory')
    await compacted(scratch.path, 3, { dropRecords: true })
    await truncate(join(scratch.path, 'snap-6.json'), 10)
    await truncate(join(scratch.path, 'snap-4.json'), 10)
    const error = await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
    expect(BeamClawError.isInstance(error)).toBe(true)
    expect(error.message).toContain('snap-')
  })
})
