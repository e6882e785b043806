import { copyFile, cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expectRejection, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { readLogBeside } from './read-log-beside.ts'
import { LogProcess, logKey, ownPath, scratchDirectory } from './testing/scratch.ts'

const segment = join('wal', '00000001.jsonl')
const other = storeKey('sessions', 'ops', 'other')

/** A data directory whose process died; resolves with the bytes where each batch starts in its segment, and the end. */
async function writeWal(
  root: string,
  batches: readonly (readonly [from: number, to: number])[],
  options: ConstructorParameters<typeof LogProcess>[1] = {},
): Promise<{ file: string; starts: number[] }> {
  await mkdir(root, { recursive: true })
  const log = await new LogProcess(root, options).open()
  const file = join(root, segment)
  const starts = [(await stat(file)).size]
  for (const [from, to] of batches) {
    await log.append(logRecords(from, to, 'ü'.repeat(from)))
    starts.push((await stat(file)).size)
  }
  return { file, starts }
}

const singles = range(1, 5).map((seq) => [seq, seq] as const)

describe('a torn write at the end', () => {
  test('F12: cut at every byte of the last record, the log opens and loses that record only', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    const { starts } = await writeWal(source, singles)
    const [last = 0, end = 0] = starts.slice(-2)
    for (let length = last; length < end; length++) {
      const path = join(scratch.path, `cut-${length}`)
      await cp(source, path, { recursive: true })
      await truncate(join(path, segment), length)
      const log = await new LogProcess(path).open()
      expect((await log.read()).records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
      await log.append(logRecords(5))
      expect((await log.read()).records).toHaveLength(5)
      await log.close()
      expect((await stat(join(path, segment))).size).toBe(last)
      const sidecar = (await readdir(join(path, 'wal'))).filter((name) => name.endsWith('.torn'))
      expect(sidecar).toEqual(length === last ? [] : ['00000001.jsonl.torn'])
      if (length > last) expect((await readFile(join(path, `${segment}.torn`))).length).toBe(length - last)
    }
  })

  test('a page of zeros, and garbage, after the last record are cut off', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const [index, tail] of [Buffer.alloc(4096), Buffer.from('{"s":6,"k":[]}\n'), Buffer.from('\n\n')].entries()) {
      const path = join(scratch.path, `${index}`)
      const { file } = await writeWal(path, singles)
      await writeFile(file, tail, { flag: 'a' })
      const log = await new LogProcess(path).open()
      expect((await log.read()).records).toHaveLength(5)
      await log.close()
    }
  })

  test('a batch that was torn in its middle goes as far as it is bad, though a later part reached the disk', async () => {
    await using scratch = await scratchDirectory('memory')
    const { file, starts } = await writeWal(scratch.path, [...singles, [6, 40]])
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
    const { file, starts } = await writeWal(
      scratch.path,
      range(1, 9).map((seq) => [seq, seq] as const),
      { sync: 'os' },
    )
    const bytes = await readFile(file)
    bytes.fill(0, (starts[2] ?? 0) + 10, (starts[2] ?? 0) + 50)
    await writeFile(file, bytes)
    const { records } = await (await new LogProcess(scratch.path).open()).read()
    expect(records.map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('a segment that was created and never begun is no obstacle, wherever its header was torn', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    await writeWal(source, singles)
    await (await new LogProcess(source).open()).read()
    const header = await readFile(join(source, 'wal', '00000002.jsonl'))
    for (let length = 0; length < header.length; length += 5) {
      const path = join(scratch.path, `${length}`)
      await cp(source, path, { recursive: true })
      await truncate(join(path, 'wal', '00000002.jsonl'), length)
      const process = new LogProcess(path)
      expect((await (await process.open()).read()).records).toHaveLength(5)
      expect((await process.logs).segments).toEqual([1, 3])
    }
  })
})

describe('a line of the write-ahead log that went bad', () => {
  async function twoLogs(root: string): Promise<{ file: string; spans: { key: string; start: number; end: number }[] }> {
    await mkdir(root, { recursive: true })
    const process = new LogProcess(root)
    const [log, beside] = [await process.open(), await process.open({ epoch: 1, nonce: 'b' }, other)]
    const file = join(root, segment)
    const spans: { key: string; start: number; end: number }[] = []
    const append = async (key: 'main' | 'other', seq: number): Promise<void> => {
      const start = (await stat(file)).size
      await (key === 'main' ? log : beside).append(logRecords(seq, seq, 'text'))
      spans.push({ key, start, end: (await stat(file)).size })
    }
    for (const seq of range(1, 3)) for (const key of ['main', 'other'] as const) await append(key, seq)
    await append('main', 4)
    return { file, spans }
  }

  test('F13: a flipped bit anywhere before the last group makes its log alone log-corrupt, naming file and offset', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    const { file: sourceFile, spans } = await twoLogs(source)
    const good = await readFile(sourceFile)
    for (const { key, start, end } of spans.slice(0, -1)) {
      // The last bytes are the end of the checksum and the newline.
      for (let offset = start; offset < end; offset += 5) {
        const path = join(scratch.path, `flip-${offset}`)
        await cp(source, path, { recursive: true })
        const bytes = Buffer.from(good)
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8))
        await writeFile(join(path, segment), bytes)
        const process = new LogProcess(path)
        const hurt = key === 'main' ? process.open() : process.open({ epoch: 1, nonce: 'b' }, other)
        const error = await expectRejection(hurt, 'log-corrupt')
        expect(error.details).toMatchObject({ file: join(path, segment), offset: start })
        if (offset === end - 1) continue
        const whole = key === 'main' ? process.open({ epoch: 1, nonce: 'b' }, other) : process.open()
        expect((await (await whole).read()).records).toHaveLength(key === 'main' ? 3 : 4)
        // What is moved stays refused, and the segments can go all the same.
        await process.stop()
        const again = new LogProcess(path)
        expect((await again.logs).segments).toHaveLength(2)
        const late = key === 'main' ? again.open() : again.open({ epoch: 1, nonce: 'b' }, other)
        await expectRejection(
          late.then((log) => log.read()),
          'log-corrupt',
        )
      }
    }
  })

  test('a line that is missing or doubled makes its log log-corrupt', async () => {
    await using scratch = await scratchDirectory('memory')
    for (const change of ['missing', 'doubled', 'swapped'] as const) {
      const path = join(scratch.path, change)
      const { file } = await writeWal(path, singles)
      const lines = (await readFile(file, 'utf8')).split('\n')
      const [header = '', one = '', two = '', ...rest] = lines
      const changed = { missing: [header, one, ...rest], doubled: [header, one, one, two, ...rest], swapped: [header, two, one, ...rest] }
      await writeFile(file, changed[change].join('\n'))
      await expectRejection(
        new LogProcess(path).open().then((log) => log.read()),
        'log-corrupt',
      )
    }
  })

  test('a segment whose header is damaged loses no line by it, and the start is refused when that might be', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    const { file, starts } = await writeWal(source, [[1, 1]])
    const good = await readFile(file)
    const header = starts[0] ?? 0
    // One bit of each byte, the newline included; then more and more of the file.
    const damages = range(1, header).map((count) => [count - 1, count] as const)
    const longer = [header + 1, header + 20, header + 60, good.length - 20].map((end) => [0, end] as const)
    for (const [from, to] of [...damages, ...longer]) {
      const path = join(scratch.path, `${from}-${to}`)
      await cp(source, path, { recursive: true })
      // The log goes on in a later segment, so nothing here is torn.
      const next = await new LogProcess(path).open(undefined, other)
      await next.append(logRecords(1))
      const bytes = Buffer.from(good)
      if (to - from === 1) bytes[from] = (bytes[from] ?? 0) ^ 4
      else bytes.fill(0, from, to)
      await writeFile(join(path, segment), bytes)
      const process = new LogProcess(path)
      const view = async () => {
        const lines = []
        for await (const line of readLogBeside({ path, key: logKey })) lines.push(line.kind)
        return lines
      }
      if (to <= header) {
        expect(await view()).toEqual(['record'])
        expect((await (await process.open()).read()).records).toEqual(logRecords(1, 1, 'ü'))
      } else {
        await expectRejection(view(), 'log-corrupt')
        await expectRejection(process.open(), 'log-corrupt')
      }
    }
  })

  test('damage of which nothing says whose it is refuses the start, and names the place', async () => {
    await using scratch = await scratchDirectory('memory')
    const { file, spans } = await twoLogs(scratch.path)
    const bytes = await readFile(file)
    // The last line of the other log, without a trace of its head.
    const lost = spans.at(-2) ?? { start: 0, end: 0 }
    bytes.fill(0x20, lost.start, lost.end - 1)
    await writeFile(file, bytes)
    const error = await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
    expect(error.details).toMatchObject({ file, offset: lost.start })
  })
})

describe('an own file that went bad', () => {
  async function atRest(root: string): Promise<string> {
    const process = new LogProcess(root)
    const log = await process.open()
    for (const seq of range(1, 6)) await log.append(logRecords(seq))
    await log.snapshot({ seq: 4, state: 'four' })
    await log.append(logRecords(7))
    await log.snapshot({ seq: 6, state: 'six' })
    await log.append(logRecords(8))
    await process.stop()
    return join(root, ownPath)
  }
  const lineOf = (bytes: Buffer, text: string): number => bytes.lastIndexOf('\n', bytes.indexOf(text)) + 1

  test('a flipped bit in the last record is log-corrupt, wherever it is', async () => {
    await using scratch = await scratchDirectory('memory')
    const file = await atRest(scratch.path)
    const good = await readFile(file)
    const last = lineOf(good, '{"s":8')
    for (let offset = last; offset < good.length; offset += 3) {
      const bytes = Buffer.from(good)
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (offset % 8))
      await writeFile(file, bytes)
      const error = await expectRejection(new LogProcess(scratch.path).open(), 'log-corrupt')
      expect(error.details).toMatchObject({ file, offset: last })
    }
  })

  test('damage in an old part hinders neither reading nor appending, only its page', async () => {
    await using scratch = await scratchDirectory('memory')
    const file = await atRest(scratch.path)
    const bytes = await readFile(file)
    const bad = lineOf(bytes, '{"s":2')
    bytes.write('X', bad + 120)
    await writeFile(file, bytes)
    const process = new LogProcess(scratch.path)
    const log = await process.open()
    expect(await log.read()).toEqual({ snapshot: { seq: 6, state: 'six' }, records: logRecords(7, 8) })
    await log.append(logRecords(9))
    const logs = await process.logs
    const key = storeKey('sessions', 'ops', 'main')
    const error = await expectRejection(logs.readLog(key, { fromSeq: 1, limit: 100 }), 'log-corrupt')
    expect(error.details).toMatchObject({ file, offset: bad })
    expect((await logs.readLog(key, { fromSeq: 3, limit: 100 }))?.records).toEqual(logRecords(3, 9))
    expect((await logs.readLog(key, { fromSeq: 1, limit: 1 }))?.records).toEqual(logRecords(1))
  })

  test('a damaged snapshot gives way to the one before it, with every record since', async () => {
    await using scratch = await scratchDirectory('memory')
    const source = join(scratch.path, 'source')
    await mkdir(source)
    const good = await readFile(await atRest(source))
    const states = ['six', 'four']
    for (const count of [1, 2]) {
      const path = join(scratch.path, `${count}`)
      await cp(source, path, { recursive: true })
      const bytes = Buffer.from(good)
      for (const state of states.slice(0, count)) bytes.write('X', bytes.indexOf(`"${state}"`) + 1)
      await writeFile(join(path, ownPath), bytes)
      const contents = await (await new LogProcess(path).open()).read()
      const snapshot = count === 1 ? { seq: 4, state: 'four' } : undefined
      expect(contents).toEqual({ snapshot, records: logRecords(count === 1 ? 5 : 1, 8) })
    }
  })

  test('a damaged snapshot is log-corrupt when its records were dropped', async () => {
    await using scratch = await scratchDirectory('memory')
    const process = new LogProcess(scratch.path)
    const log = await process.open()
    await log.append(logRecords(1, 6))
    await log.snapshot({ seq: 4, state: 'four' }, { dropRecords: true })
    await process.stop()
    const file = join(scratch.path, ownPath)
    const bytes = await readFile(file)
    expect(bytes.includes('{"s":4,"k":["default","sessions","ops","main"],"h"')).toBe(true)
    bytes.write('X', bytes.indexOf('"four"') + 1)
    await writeFile(file, bytes)
    await expectRejection(
      new LogProcess(scratch.path).open().then((again) => again.read()),
      'log-corrupt',
    )
  })

  test('the file of another log is refused, by name', async () => {
    await using scratch = await scratchDirectory('memory')
    const file = await atRest(scratch.path)
    await copyFile(file, join(dirname(file), 'other.log.jsonl'))
    const error = await expectRejection(new LogProcess(scratch.path).open({ epoch: 9, nonce: 'c' }, other), 'log-corrupt')
    expect(error.message).toContain('holds the log of ["default","sessions","ops","main"]')
  })
})
