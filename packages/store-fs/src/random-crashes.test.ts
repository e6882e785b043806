/** Random lives of several logs with the mover in between, cut at random moments. `BEAMCLAW_CRASH_SEEDS` sets how many are played. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { logRecords, range, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { nodeFileSystem } from './file-system.ts'
import type { FsLog } from './fs-log.ts'
import type { LogStore } from './log-store.ts'
import { chance } from './testing/chance.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { mortalFileSystem } from './testing/mortal-file-system.ts'
import { LogProcess, scratchDirectory } from './testing/scratch.ts'

const seeds = Number(process.env.BEAMCLAW_CRASH_SEEDS ?? 40)
const firstSeed = Number(process.env.BEAMCLAW_CRASH_SEED ?? 1)
const names = ['a', 'b', 'c']

/** What was promised of one log. `life` grows with each deletion: nothing of an earlier life may come back. */
interface Promise_ {
  life: number
  acknowledged: number
  begun: number
  dropped: number
  isDeleting: boolean
}

const idOf = (life: number, seq: number): string => `${life}-${seq}`
const batchOf = (life: number, from: number, to: number, text: string) =>
  logRecords(from, to, text).map((record) => ({ ...record, id: idOf(life, record.seq) }))

class PowerCut extends Error {}

async function play(root: string, seed: number): Promise<void> {
  const next = chance(seed)
  let promised = new Map(names.map((name) => [name, { life: 0, acknowledged: 0, begun: 0, dropped: 0, isDeleting: false } as Promise_]))
  let directory = join(root, 'run-0')
  await mkdir(directory, { recursive: true })
  for (const run of range(1, 3)) {
    const cutAt = 1 + next(run === 1 ? 160 : 90)
    let calls = 0
    let isCut = false
    // Calls under way at the cut may still end, and promise what the crash does not know.
    let atCut: typeof promised | undefined
    const cut = Promise.withResolvers<void>()
    const crashing = new CrashFileSystem(directory, () => {
      if (isCut || ++calls >= cutAt) {
        if (!isCut) atCut = new Map([...promised].map(([name, promise]) => [name, { ...promise }]))
        isCut = true
        cut.resolve()
        throw new PowerCut()
      }
    })
    const { fileSystem, die } = mortalFileSystem(crashing.fileSystem)
    const clock = new ManualClock()
    const owner = new LogProcess(directory, { fileSystem, clock, walSegmentBytes: 700, walMaxBytes: 2_800, isAlone: next(2) === 0 })
    const living = live(owner, clock, promised, next, () => isCut).catch((error: unknown) => {
      if (!isCut) throw error
    })
    // Nothing moves after the cut, so an append may wait for ever.
    await Promise.race([living, cut.promise])
    promised = atCut ?? promised
    isCut = true
    const after = join(root, `run-${run}`)
    const mode = next(3)
    crashing.crash(after, () => (mode === 0 ? false : mode === 1 ? true : next(2) === 0))
    await die()
    directory = after
    await check(directory, promised, `seed ${seed}, run ${run}, cut at ${cutAt}, mode ${mode}`)
  }
}

async function live(
  owner: LogProcess,
  clock: ManualClock,
  promised: ReadonlyMap<string, Promise_>,
  next: (limit: number) => number,
  isCut: () => boolean,
): Promise<void> {
  const logs = await owner.logs
  const open = new Map<string, FsLog>()
  for (let step = 0; step < 40 && !isCut(); step++) {
    const name = names[next(names.length)] as string
    const promise = promised.get(name) as Promise_
    await act({ logs, open, name, promise, next, clock })
  }
  if (next(2) === 0) await owner.stop()
}

interface Acting {
  readonly logs: LogStore
  readonly open: Map<string, FsLog>
  readonly name: string
  readonly promise: Promise_
  readonly next: (limit: number) => number
  readonly clock: ManualClock
}

async function act({ logs, open, name, promise, next, clock }: Acting): Promise<void> {
  const key = storeKey('logs', name)
  let log = open.get(name)
  if (log === undefined) {
    log = await logs.openLog(key, { epoch: 1, nonce: 'x' })
    open.set(name, log)
    const { records, snapshot } = await log.read()
    promise.begun = Math.max(records.at(-1)?.seq ?? 0, snapshot?.seq ?? 0)
    promise.acknowledged = promise.begun
  }
  const what = next(12)
  if (what < 6) {
    const count = 1 + next(3)
    const from = promise.begun + 1
    promise.begun += count
    await log.append(batchOf(promise.life, from, promise.begun, 'x'.repeat(next(200))))
    promise.acknowledged = promise.begun
  } else if (what === 6 && promise.acknowledged > promise.dropped) {
    await log.snapshot({ seq: promise.acknowledged, state: idOf(promise.life, promise.acknowledged) })
  } else if (what === 7 && promise.acknowledged > promise.dropped) {
    const { acknowledged } = promise
    await log.snapshot({ seq: acknowledged, state: idOf(promise.life, acknowledged) }, { dropRecords: true })
    promise.dropped = acknowledged
  } else if (what === 8 || what === 9) {
    await log.close()
    open.delete(name)
  } else if (what === 10) {
    promise.isDeleting = true
    await logs.delete(key, { epoch: 1, nonce: 'x' })
    open.delete(name)
    Object.assign(promise, { life: promise.life + 1, acknowledged: 0, begun: 0, dropped: 0, isDeleting: false })
  } else {
    await clock.advance(next(2) === 0 ? 20 : 5_000)
    for (let turn = next(20); turn > 0; turn--) await new Promise(setImmediate)
  }
}

async function check(root: string, promised: ReadonlyMap<string, Promise_>, note: string): Promise<void> {
  const { fileSystem, die } = mortalFileSystem(nodeFileSystem)
  const logs = await new LogProcess(root, { fileSystem }).logs.catch((error: unknown) => {
    throw new Error(`${note}: ${String(error)}`, { cause: error })
  })
  for (const [name, promise] of promised) {
    const key = storeKey('logs', name)
    try {
      const log = await logs.openLog(key, { epoch: 1, nonce: 'x' })
      const { snapshot, records } = await log.read()
      const last = Math.max(records.at(-1)?.seq ?? 0, snapshot?.seq ?? 0)
      const isGone = promise.isDeleting && last === 0
      if (isGone) Object.assign(promise, { life: promise.life + 1, acknowledged: 0, begun: 0, dropped: 0 })
      promise.isDeleting = false
      expect(last, `${note}, log ${name}`).toBeGreaterThanOrEqual(promise.acknowledged)
      expect(last, `${note}, log ${name}`).toBeLessThanOrEqual(promise.begun)
      if (snapshot !== undefined) expect(snapshot.state, note).toBe(idOf(promise.life, snapshot.seq))
      expect(
        records.map(({ id }) => id),
        `${note}, log ${name}`,
      ).toEqual(range((snapshot?.seq ?? 0) + 1, last).map((seq) => idOf(promise.life, seq)))
      const page = await logs.readLog(key, { fromSeq: 1, limit: 1_000 })
      const first = page?.firstSeq ?? 1
      expect(first, `${note}, first of ${name}`).toBeGreaterThanOrEqual(Math.min(promise.dropped + 1, last + 1))
      expect(
        (page?.records ?? []).map(({ id }) => id),
        `${note}, page of ${name}`,
      ).toEqual(range(first, last).map((seq) => idOf(promise.life, seq)))
      promise.acknowledged = last
      promise.begun = last
    } catch (error) {
      if (BeamClawError.isInstance(error)) throw new Error(`${note}, log ${name}: ${error.message}`, { cause: error })
      throw error
    }
  }
  await die()
}

test(
  `a power cut at any moment of ${seeds} random lives loses nothing that was acknowledged, and brings nothing deleted back`,
  async () => {
    await using scratch = await scratchDirectory('memory')
    for (const seed of range(firstSeed, firstSeed + seeds - 1)) {
      const root = join(scratch.path, `${seed}`)
      await play(root, seed)
      await rm(root, { recursive: true, force: true })
    }
  },
  Math.max(30_000, seeds * 300),
)
