/** What an owner does between any two calls of a copy or a reader. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/core/testing'
import { logRecords, range, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { backupDirectory } from './backup.ts'
import type { FileSystem } from './file-system.ts'
import type { FsLog } from './fs-log.ts'
import { readLogBeside } from './read-log-beside.ts'
import { faultyFileSystem } from './testing/faulty-file-system.ts'
import { LogProcess, logKey, scratchDirectory } from './testing/scratch.ts'

const otherKey = storeKey('sessions', 'ops', 'other')
const all = { fromSeq: 1, limit: 1_000 }
const token = { epoch: 9, nonce: 'x' }

/** An owner with records 1 to 4 of two logs: some in own files, some in the write-ahead log, there in a segment each. */
class Owner {
  readonly #clock = new ManualClock()
  readonly #process: LogProcess
  #open: FsLog[] = []

  constructor(path: string) {
    this.#process = new LogProcess(path, { clock: this.#clock, walSegmentBytes: 1, walMaxBytes: 1_000_000 })
  }

  async begin(): Promise<void> {
    await this.#append(1, 2)
    await this.move()
    await this.#append(3, 4)
  }

  async #append(from: number, to: number, text = ''): Promise<void> {
    this.#open = [await this.#process.open(token, logKey), await this.#process.open(token, otherKey)]
    for (const seq of range(from, to)) for (const log of this.#open) await log.append(logRecords(seq, seq, text))
  }

  /** Moves all lines, and lets the segments go. */
  async move(): Promise<void> {
    for (const log of this.#open.splice(0)) await log.close()
    const logs = await this.#process.logs
    while (logs.segments.length > 1) {
      await this.#clock.advance(20)
      await new Promise(setImmediate)
    }
  }

  /** Deletes the logs and begins them again with records 1 to 3 of another text. */
  async replace(): Promise<void> {
    const logs = await this.#process.logs
    for (const key of [logKey, otherKey]) await logs.delete(key, token)
    this.#open = []
    await this.#append(1, 2, 'new')
    await this.move()
    await this.#append(3, 3, 'new')
  }

  /** Drops records 1 to 3. */
  async drop(): Promise<void> {
    for (const log of this.#open) await log.snapshot({ seq: 3, state: 3 }, { dropRecords: true })
    await this.move()
  }

  async end(): Promise<void> {
    await this.#process.stop()
  }
}

const old = (from: number) => logRecords(from, 4, '')
const begunAgain = range(0, 3).map((last) => (last === 0 ? [] : logRecords(1, last, 'new')))

test.each([
  ['moves all lines', 'move', [old(1)]],
  ['deletes the logs and begins them again', 'replace', [old(1), ...begunAgain]],
  ['drops records', 'drop', [old(1), old(4)]],
] as const)(
  'a copy and a reader see each log at one moment, whatever is under way when the owner %s',
  async (_, act, allowed) => {
    await using scratch = await scratchDirectory('memory')
    for (const kind of ['reader', 'copy'] as const) {
      let hasActed = true
      // A copy makes many calls; what it reads, it reads as the reader does.
      for (let at = 1; hasActed; at += kind === 'reader' ? 1 : 5) {
        const path = join(scratch.path, 'data')
        await mkdir(path)
        const owner = new Owner(path)
        await owner.begin()
        hasActed = false
        let calls = 0
        const fileSystem = faultyFileSystem(async () => {
          if (++calls !== at) return
          hasActed = true
          await owner[act]()
        })
        for (const records of kind === 'reader'
          ? [await readBeside(path, fileSystem)]
          : await copied(path, join(scratch.path, 'copy'), fileSystem))
          expect(allowed, `${kind}, at call ${at}`).toContainEqual(records)
        await owner.end()
        await rm(path, { recursive: true })
      }
    }
  },
  60_000,
)

async function readBeside(path: string, fileSystem: FileSystem): Promise<unknown[]> {
  const records: unknown[] = []
  for await (const line of readLogBeside({ path, key: logKey, fileSystem })) {
    expect(['record', 'snapshot']).toContain(line.kind)
    if (line.kind === 'record') records.push(line.record)
  }
  return records
}

async function copied(from: string, to: string, fileSystem: FileSystem): Promise<unknown[][]> {
  await backupDirectory({ from, to, fileSystem })
  const copy = new LogProcess(to)
  const logs = await copy.logs
  const pages = [await logs.readLog(logKey, all), await logs.readLog(otherKey, all)]
  await copy.stop()
  await rm(to, { recursive: true })
  return pages.map((page) => [...(page?.records ?? [])])
}
