/** A shard that leaves while what it holds is being read. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/core/testing'
import { FsStore } from '@beamclaw/store-fs'
import { expectRejection, storeKey } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TrackedStore } from './tracked-store.ts'

const key = storeKey('sessions', 'main', 'a')
const bytes = new Uint8Array(3_000_000).map((_, index) => index % 251)

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'beamclaw-tracked-'))
})
afterEach(() => rmSync(path, { recursive: true, force: true }))

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

/** A store with an attachment, of whose leaving is known whether it has ended. */
async function filled() {
  const clock = new ManualClock()
  const store = new TrackedStore(new FsStore({ path, sync: 'os' }), clock)
  const id = await store.blobs.put(key, bytes)
  const blob = await store.blobs.read(key, id)
  if (blob === undefined) throw new Error('it is not there')
  const state = { hasLeft: false }
  const leave = async (): Promise<void> => {
    await store.leave()
    state.hasLeft = true
  }
  return { clock, store, id, blob, state, leave }
}

describe('a shard that leaves', () => {
  test('waits for an attachment that is being read, which comes whole', async () => {
    const { blob, state, leave } = await filled()
    const pieces: Uint8Array[] = []
    let leaving: Promise<void> | undefined
    for await (const piece of blob.bytes) {
      leaving ??= leave()
      await turns()
      expect(state.hasLeft).toBe(false)
      pieces.push(piece)
    }
    expect(pieces.length).toBeGreaterThan(1)
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    await leaving
  })

  test('lets a reader end that has all of an attachment, however late', async () => {
    const { clock, blob, leave } = await filled()
    const reader = blob.bytes[Symbol.asyncIterator]()
    for (let read = 0; read < bytes.length; read += (await reader.next()).value?.length ?? 0);
    const leaving = leave()
    await turns()
    await clock.advance(10_000)
    await leaving
    expect(await reader.next()).toMatchObject({ done: true })
  })

  test('waits for a reader that has its attachment, and begins with it at once', async () => {
    const { store, id, leave } = await filled()
    const reading = store.blobs.read(key, id).then(async (blob) => {
      let size = 0
      for await (const { length } of blob?.bytes ?? []) size += length
      return size
    })
    const leaving = leave()
    expect(await reading).toBe(bytes.length)
    await leaving
  })

  test('waits for no reader that has ended, or that did not begin', async () => {
    const { blob, leave } = await filled()
    for await (const _ of blob.bytes) break
    await leave()
    const late = await expectRejection(blob.bytes[Symbol.asyncIterator]().next(), 'store-io')
    expect(late.isRetryable).toBe(true)
  })

  test('leaves a reader behind that takes longer than ten seconds, with an error that says to try again', async () => {
    const { clock, blob, state, leave } = await filled()
    const reader = blob.bytes[Symbol.asyncIterator]()
    await reader.next()
    const leaving = leave()
    await turns()
    await clock.advance(9_999)
    await turns()
    expect(state.hasLeft).toBe(false)
    await clock.advance(1)
    await leaving
    const error = await expectRejection(reader.next(), 'store-io')
    expect(error.isRetryable).toBe(true)
    expect(error.message).toContain('Read it again')
  })

  test('is stopped at once although a reader is under way', async () => {
    const { store, blob, leave } = await filled()
    await blob.bytes[Symbol.asyncIterator]().next()
    const leaving = leave()
    await turns()
    await store.stop()
    await leaving
  })
})
