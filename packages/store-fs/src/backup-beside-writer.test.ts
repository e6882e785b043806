/** Backups of a directory whose owner writes, as real processes. `BEAMCLAW_BACKUP_SEEDS` sets how many lives are played. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { range, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { backupDirectory } from './backup.ts'
import { FsStore } from './fs-store.ts'
import { readLogBeside } from './read-log-beside.ts'
import { chance } from './testing/chance.ts'
import { scratchDirectory } from './testing/scratch.ts'

const seeds = Number(process.env.BEAMCLAW_BACKUP_SEEDS ?? 4)
const firstSeed = Number(process.env.BEAMCLAW_BACKUP_SEED ?? 1)
const names = ['a', 'b', 'c', 'D']

interface Promised {
  readonly life: string
  readonly seq: number
  readonly dropped: number
}

interface Line {
  readonly log?: string
  readonly life?: string
  readonly seq?: number
  readonly dropped?: number
  readonly deleting?: boolean
  readonly deleted?: boolean
  readonly document?: string
  readonly version?: number
  readonly failed?: string
}

const busyWriter = fileURLToPath(new URL('./testing/busy-writer.ts', import.meta.url))
const runBackup = fileURLToPath(new URL('./testing/run-backup.ts', import.meta.url))

function spawnScript(script: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--conditions=beamclaw:source', script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** A writer, and what it was promised so far. */
class Writer {
  logs = new Map<string, Promised>()
  readonly deleting = new Set<string>()
  readonly deleted = new Set<string>()
  documents = new Map<string, number>()
  failed: string | undefined
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  count = 0

  constructor(path: string, seed: number, sizes: object) {
    this.child = spawnScript(busyWriter, [path, String(seed), JSON.stringify(sizes)])
    const reader = createInterface({ input: this.child.stdout as NonNullable<ChildProcess['stdout']> })
    reader.on('line', (line) => this.#take(JSON.parse(line) as Line))
    this.ended = Promise.all([once(this.child, 'exit'), once(reader, 'close')])
  }

  #take({ log, life = '', seq = 0, dropped, deleting, deleted, document, version = 0, failed }: Line): void {
    this.count += 1
    this.failed ??= failed
    if (document !== undefined) this.documents.set(document, version)
    if (log === undefined) return
    const before = this.logs.get(log)
    if (deleting === true) this.deleting.add(life)
    else if (deleted === true) {
      this.deleted.add(life)
      this.logs.delete(log)
    } else this.logs.set(log, { life, seq, dropped: dropped ?? (before?.life === life ? before.dropped : 0) })
  }

  async until(count: number): Promise<void> {
    while (this.count < count && this.failed === undefined && this.child.exitCode === null) await sleep(2)
    expect(this.failed).toBeUndefined()
  }
}

/** Every log in the copy: all that was promised, no hole, and nothing of a life that was deleted before. */
async function checkCopy(
  path: string,
  promised: ReadonlyMap<string, Promised>,
  deleted: ReadonlySet<string>,
  documents: ReadonlyMap<string, number>,
) {
  await using store = new FsStore({ path })
  for (const name of names) {
    const key = storeKey('logs', name)
    const page = await store.readLog(key, { limit: 100_000 })
    const log = await store.openLog(key, { epoch: 2, nonce: 'check' })
    const { snapshot, records } = await log.read()
    const last = Math.max(snapshot?.seq ?? 0, records.at(-1)?.seq ?? 0)
    const life = (records.at(-1)?.id ?? (snapshot?.state as string | undefined))?.split(':')[0]
    const first = page?.firstSeq ?? 1
    const about = `log ${name} of ${path}`
    expect(
      (page?.records ?? []).map(({ id }) => id),
      about,
    ).toEqual(range(first, last).map((seq) => `${life}:${seq}`))
    expect(
      records.map(({ id }) => id),
      about,
    ).toEqual(range((snapshot?.seq ?? 0) + 1, last).map((seq) => `${life}:${seq}`))
    if (snapshot !== undefined) expect(snapshot.state, about).toBe(`${life}:${snapshot.seq}`)
    if (life !== undefined) expect(deleted.has(life), `${about}, of a life that was deleted`).toBe(false)
    const before = promised.get(name)
    if (before === undefined || before.life !== life) continue
    expect(last, about).toBeGreaterThanOrEqual(before.seq)
    expect(first, about).toBeGreaterThanOrEqual(Math.min(before.dropped + 1, last + 1))
  }
  for (const [name, version] of documents) expect((await store.get(storeKey('notes', name)))?.version).toBeGreaterThanOrEqual(version)
  expect(await store.readLog(storeKey('activity'))).toBeUndefined()
}

function textsIn(path: string): string {
  return globSync('**/*.jsonl', { cwd: path })
    .map((file) => readFileSync(join(path, file), 'utf8'))
    .join('')
}

async function play(root: string, seed: number): Promise<void> {
  const next = chance(seed)
  const from = join(root, 'data')
  const walSegmentBytes = [700, 4_000, 30_000][next(3)] ?? 700
  let [logs, documents] = [new Map<string, Promised>(), new Map<string, number>()]
  const deleted = new Set<string>()
  let copies = 0
  for (const round of range(1, 3)) {
    const writer = new Writer(from, seed * 10 + round, { walSegmentBytes, walMaxBytes: walSegmentBytes * 4 })
    try {
      writer.logs = logs
      writer.documents = documents
      await writer.until(names.length)
      for (const _ of range(1, 3)) {
        await writer.until(writer.count + next(40))
        const to = join(root, `copy-${++copies}`)
        const [before, gone, written] = [new Map(writer.logs), new Set([...deleted, ...writer.deleted]), new Map(writer.documents)]
        const isWriterKilled = next(4) === 0
        const copying = backupDirectory({ from, to })
        if (isWriterKilled) {
          await sleep(next(20))
          writer.child.kill('SIGKILL')
        }
        await copying
        expect(textsIn(to), 'lines of the list of busy sessions').not.toContain('"activity')
        // A log that is deleted during the copy is there or not; one that is not deleted is there.
        await checkCopy(to, before, gone, written)
        for (const [name, { life, seq }] of before) {
          if (seq === 0 || writer.logs.get(name)?.life !== life || writer.deleting.has(life)) continue
          expect(textsIn(to).includes(`"${life}:`), `log ${name} is there`).toBe(true)
        }
        if (isWriterKilled) break
      }
    } finally {
      writer.child.kill('SIGKILL')
      await writer.ended
    }
    for (const life of writer.deleted) deleted.add(life)
    ;[logs, documents] = [writer.logs, writer.documents]
  }
}

test(
  `copies of ${seeds} random lives have everything that was acknowledged before, without a hole, and nothing that was deleted before`,
  async () => {
    for (const seed of range(firstSeed, firstSeed + seeds - 1)) {
      await using scratch = await scratchDirectory(seed % 2 === 0 ? 'disk' : 'memory')
      try {
        await play(scratch.path, seed)
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
      }
    }
  },
  Math.max(120_000, seeds * 20_000),
)

test('a copy that is killed at any moment leaves no directory of its name, or a whole one, and the next one removes what it left', async () => {
  await using scratch = await scratchDirectory('memory')
  const from = join(scratch.path, 'data')
  const next = chance(7)
  const writer = new Writer(from, 7, { walSegmentBytes: 2_000, walMaxBytes: 8_000 })
  try {
    await writer.until(100)
    let [killed, left] = [0, 0]
    for (const round of range(1, 8)) {
      const to = join(scratch.path, `copy-${round}`)
      const [before, gone, written] = [new Map(writer.logs), new Set(writer.deleted), new Map(writer.documents)]
      const copier = spawnScript(runBackup, [from, to])
      const ended = once(copier, 'exit')
      while (
        !existsSync(to) &&
        copier.exitCode === null &&
        !readdirSync(scratch.path).some((name) => name.startsWith(`copy-${round}.partial-`))
      )
        await sleep(1)
      await sleep(next(25))
      copier.kill('SIGKILL')
      await ended
      killed += 1
      if (!existsSync(to)) {
        left += 1
        await backupDirectory({ from, to })
      }
      expect(readdirSync(scratch.path).filter((name) => name.includes('partial'))).toEqual([])
      await checkCopy(to, before, gone, written)
    }
    expect([killed, left > 0]).toEqual([8, true])
  } finally {
    writer.child.kill('SIGKILL')
    await writer.ended
  }
}, 120_000)

test('a reader beside a writer has what was acknowledged before, each record once and without a hole', async () => {
  await using scratch = await scratchDirectory('memory')
  const from = join(scratch.path, 'data')
  const writer = new Writer(from, 11, { walSegmentBytes: 700, walMaxBytes: 2_800 })
  try {
    await writer.until(names.length)
    for (const _ of range(1, 40)) {
      for (const name of names) {
        const [before, gone] = [writer.logs.get(name), new Set(writer.deleted)]
        const ids: string[] = []
        let first = 0
        for await (const line of readLogBeside({ path: from, key: storeKey('logs', name) })) {
          expect(['record', 'snapshot']).toContain(line.kind)
          if (line.kind !== 'record') continue
          if (ids.length === 0) first = line.record.seq
          ids.push(line.record.id)
        }
        const life = ids[0]?.split(':')[0] ?? ''
        expect(ids).toEqual(range(first, first + ids.length - 1).map((seq) => `${life}:${seq}`))
        expect(gone.has(life)).toBe(false)
        if (before === undefined || before.life !== life || before.dropped === before.seq) continue
        expect(first + ids.length - 1).toBeGreaterThanOrEqual(before.seq)
        expect(first).toBeGreaterThan(before.dropped)
      }
      await writer.until(writer.count + 5)
    }
  } finally {
    writer.child.kill('SIGKILL')
    await writer.ended
  }
}, 120_000)
