import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BeamClawError, JsonValue } from '@beamclaw/core'
import { fencingToken, logRecords, range, storeKey } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import type { SyncMode } from './options.ts'
import { CrashFileSystem } from './testing/crash-file-system.ts'
import { LogProcess, logKey, scratchDirectory } from './testing/scratch.ts'

/** What was promised at the moment of the cut. */
interface Promised {
  acknowledged: number
  compacted: number
  begun: number
  document: { readonly value: JsonValue; readonly version: number } | undefined
  documentBegun: number
  isDeleting: boolean
}

/** Performs each kind of write; `promised` holds what must survive from then on. */
async function live(store: FsStore, promised: Promised, sync: SyncMode): Promise<void> {
  const key = storeKey('jobs', 'nested', 'daily')
  let seq = 0
  for (const round of range(1, 3)) {
    const log = await store.openLog(logKey, fencingToken(round))
    if (sync !== 'os') promised.acknowledged = seq
    for (const _ of range(1, 3)) {
      promised.begun = seq + 2
      await log.append(logRecords(seq + 1, seq + 2, 'text'))
      seq += 2
      if (sync !== 'os') promised.acknowledged = seq
    }
    if (round !== 2) {
      await log.snapshot({ seq: seq - 1, state: { upTo: seq - 1 } })
      if (sync !== 'os') promised.compacted = seq - 1
    }
    promised.documentBegun += 1
    await store.put(key, { round })
    promised.document = { value: { round }, version: round }
  }
  promised.isDeleting = true
  await store.delete(logKey)
  promised.acknowledged = 0
  promised.compacted = 0
}

async function check(path: string, promised: Promised, note: string): Promise<void> {
  // The machine has started anew; here its lock file would name this very process.
  await rm(join(path, '.lock'), { force: true })
  await using store = new FsStore({ path })
  const document = await store.get(storeKey('jobs', 'nested', 'daily'))
  if (promised.document !== undefined || document !== undefined) {
    expect([promised.document?.version ?? 0, promised.documentBegun], note).toContain(document?.version)
    expect(document?.value, note).toEqual({ round: document?.version })
  }
  const log = await store.openLog(logKey, fencingToken(100)).catch((error: BeamClawError) => {
    throw new Error(`${note}: ${error.message}`, { cause: error })
  })
  const { snapshot, records } = await log.read()
  const last = records.at(-1)?.seq ?? snapshot?.seq ?? 0
  if (promised.isDeleting && last === 0) return
  expect(last, note).toBeGreaterThanOrEqual(promised.acknowledged)
  expect(last, note).toBeLessThanOrEqual(promised.begun)
  expect(snapshot?.seq ?? 0, note).toBeGreaterThanOrEqual(promised.isDeleting ? 0 : promised.compacted)
  if (snapshot !== undefined) expect(snapshot.state, note).toEqual({ upTo: snapshot.seq })
  expect(records, note).toEqual(logRecords((snapshot?.seq ?? 0) + 1, last, 'text'))
  await log.append(logRecords(last + 1, last + 1, 'text'))
}

describe('a power cut', () => {
  for (const sync of ['always', 'os'] satisfies SyncMode[]) {
    test(`F14: before any call to the system, with any mix of what was not synced, leaves what "${sync}" promises`, async () => {
      await using scratch = await scratchDirectory('memory')
      const data = join(scratch.path, 'live')
      await mkdir(data)
      const promised: Promised = { acknowledged: 0, compacted: 0, begun: 0, document: undefined, documentBegun: 0, isDeleting: false }
      const cuts: { readonly path: string; readonly promised: Promised; readonly note: string }[] = []
      let call = 0
      const crashing = new CrashFileSystem(data, () => {
        call += 1
        // None, all, and a random mix of what was not synced.
        for (const mix of range(0, 2)) {
          let state = call * 3 + mix
          const survives = (): boolean => {
            state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
            return mix === 0 ? false : mix === 1 ? true : ((state >>> 16) & 1) === 1
          }
          const path = join(scratch.path, `cut-${call}-${mix}`)
          crashing.crash(path, survives)
          cuts.push({ path, promised: { ...promised }, note: `call ${call}, mix ${mix}` })
        }
      })
      await using store = new FsStore({ path: data, sync, fileSystem: crashing.fileSystem })
      await live(store, promised, sync)
      expect(cuts.length).toBeGreaterThan(150)
      for (const { path, promised: then, note } of cuts) await check(path, then, note)
    })
  }
})

test('a power cut after a takeover keeps the lines that the next owner has read, though the earlier one never synced them', async () => {
  await using scratch = await scratchDirectory('memory')
  const data = join(scratch.path, 'live')
  await mkdir(data)
  const crashing = new CrashFileSystem(data)
  const log = await new LogProcess(data, { fileSystem: crashing.fileSystem, sync: 'os' }).open()
  await log.append(logRecords(1, 3))
  // It has died; its lines are in the memory of the system alone.
  const next = await new LogProcess(data, { fileSystem: crashing.fileSystem }).open(fencingToken(2))
  expect((await next.read()).records).toEqual(logRecords(1, 3))
  await next.append(logRecords(4))
  const cut = join(scratch.path, 'cut')
  crashing.crash(cut, () => false)
  const again = await new LogProcess(cut).open(fencingToken(3))
  expect((await again.read()).records).toEqual(logRecords(1, 4))
})

test('a power cut with "os" keeps the segments before the current one, whose header says that they count', async () => {
  await using scratch = await scratchDirectory('memory')
  const data = join(scratch.path, 'live')
  await mkdir(data)
  const crashing = new CrashFileSystem(data)
  const log = await new LogProcess(data, { fileSystem: crashing.fileSystem, sync: 'os', walSegmentBytes: 500 }).open()
  for (const seq of range(1, 12)) await log.append(logRecords(seq))
  const cut = join(scratch.path, 'cut')
  crashing.crash(cut, () => false)
  const { records } = await (await new LogProcess(cut).open(fencingToken(2))).read()
  expect(records.length).toBeGreaterThan(6)
  expect(records).toEqual(logRecords(1, records.length))
})
