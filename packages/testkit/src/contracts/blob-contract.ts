/** The part of the store contract about blobs: bytes under the name of their content, each of one owner. */
import { createHash } from 'node:crypto'
import type { BlobId, BlobStore, StoreKey, TenantId } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, range, storeKey } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

const owner = storeKey('sessions', 'ops', 'main')
const other = storeKey('sessions', 'ops', 'other')

/** Deterministic bytes that no store can shorten. */
function bytesOf(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[index] = state >>> 16
  }
  return bytes
}

function nameOf(bytes: Uint8Array): BlobId {
  return createHash('sha256').update(bytes).digest('hex')
}

async function bytesIn(blobs: BlobStore, key: StoreKey, id: BlobId): Promise<Uint8Array | undefined> {
  const blob = await blobs.read(key, id)
  if (blob === undefined) return undefined
  assert.equal(blob.id, id)
  const pieces: Uint8Array[] = []
  for await (const piece of blob.bytes) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  assert.equal(bytes.length, blob.size, 'the size of a blob is that of its bytes')
  return new Uint8Array(bytes)
}

function isSame(actual: Uint8Array | undefined, expected: Uint8Array, message: string): void {
  assert.isTrue(actual !== undefined && Buffer.compare(actual, expected) === 0, message)
}

export const blobTests: StoreTests = {
  async 'a blob is named by the SHA-256 of its bytes, and comes back as it was'({ store: { blobs } }) {
    for (const length of [1, 2_000, 1_000_000]) {
      const bytes = bytesOf(length, length)
      const id = await blobs.put(owner, bytes)
      assert.equal(id, nameOf(bytes))
      isSame(await bytesIn(blobs, owner, id), bytes, `${length} bytes come back as they were`)
    }
  },
  async 'a blob without a byte is one'({ store: { blobs } }) {
    const id = await blobs.put(owner, new Uint8Array())
    assert.equal(await blobs.list(owner), [{ id, size: 0 }])
    isSame(await bytesIn(blobs, owner, id), new Uint8Array(), 'no bytes come back as none')
  },
  async 'a part of a larger buffer is stored alone'({ store: { blobs } }) {
    const whole = bytesOf(1, 3_000)
    const id = await blobs.put(owner, whole.subarray(1_000, 1_500))
    assert.equal(id, nameOf(whole.slice(1_000, 1_500)))
    isSame(await bytesIn(blobs, owner, id), whole.slice(1_000, 1_500), 'the part comes back')
  },
  async 'the bytes of a call are copied, also while it is under way'({ store: { blobs } }) {
    const bytes = bytesOf(2, 50_000)
    const before = bytes.slice()
    const writing = blobs.put(owner, bytes)
    bytes.fill(0)
    const id = await writing
    assert.equal(id, nameOf(before))
    isSame(await bytesIn(blobs, owner, id), before, 'the bytes of the call are stored')
    for await (const piece of (await blobs.read(owner, id))?.bytes ?? []) piece.fill(1)
    isSame(await bytesIn(blobs, owner, id), before, 'what a reader changes is its own')
  },
  async 'a stream can be read again, and left'({ store: { blobs } }) {
    const bytes = bytesOf(3, 700_000)
    const blob = await blobs.read(owner, await blobs.put(owner, bytes))
    for await (const piece of blob?.bytes ?? []) if (piece.length > 0) break
    for (const _ of range(1, 2)) {
      const pieces: Uint8Array[] = []
      for await (const piece of blob?.bytes ?? []) pieces.push(piece)
      isSame(Buffer.concat(pieces), bytes, 'each iteration begins anew')
    }
  },
  async 'the same bytes again are one blob, also at the same time'({ store: { blobs } }) {
    const bytes = bytesOf(4, 10_000)
    const ids = await Promise.all(range(1, 8).map(() => blobs.put(owner, bytes)))
    assert.equal(new Set([...ids, await blobs.put(owner, bytes)]).size, 1)
    assert.equal(await blobs.list(owner), [{ id: nameOf(bytes), size: 10_000 }])
    isSame(await bytesIn(blobs, owner, nameOf(bytes)), bytes, 'it comes back')
  },
  async 'the list has every blob of the owner, in the order of their ids'({ store: { blobs } }) {
    const all = range(1, 12).map((seed) => bytesOf(seed, seed * 100))
    for (const bytes of all) await blobs.put(owner, bytes)
    const expected = all.map((bytes) => ({ id: nameOf(bytes), size: bytes.length })).sort((a, b) => (a.id < b.id ? -1 : 1))
    assert.equal(await blobs.list(owner), expected)
  },
  async 'reads create nothing'({ store }) {
    const { blobs } = store
    assert.equal(await blobs.read(owner, nameOf(bytesOf(1, 1))), undefined)
    assert.equal(await blobs.list(owner), [])
    assert.equal(await store.list(storeKey()), [])
    assert.equal(await store.readLog(owner), undefined)
  },
  async 'no owner and no tenant has the blobs of another'({ store: { blobs } }) {
    const bytes = bytesOf(5, 5_000)
    const id = await blobs.put(owner, bytes)
    const strangers: StoreKey[] = [
      other,
      storeKey('sessions', 'ops'),
      [...owner, 'main'],
      storeKey('sessions', 'ops', 'main.blobs'),
      ['acme' as TenantId, 'sessions', 'ops', 'main'],
    ]
    for (const stranger of strangers) {
      assert.equal(await blobs.read(stranger, id), undefined)
      assert.equal(await blobs.list(stranger), [])
    }
    for (const stranger of strangers) await blobs.deleteAll(stranger)
    isSame(await bytesIn(blobs, owner, id), bytes, 'what others delete is theirs')
  },
  async 'blobs are no keys, and the log and the document of their owner are beside them'({ store }) {
    const { blobs } = store
    const id = await blobs.put(owner, bytesOf(6, 600))
    assert.equal(await store.list(storeKey()), [])
    const log = await store.openLog(owner, fencingToken())
    await log.append(logRecords(1, 2))
    await store.put(owner, 'a document')
    assert.equal(await store.list(storeKey()), [owner])
    await blobs.deleteAll(owner)
    assert.equal((await store.readLog(owner))?.lastSeq, 2)
    assert.equal((await store.get(owner))?.value, 'a document')
    await blobs.put(owner, bytesOf(6, 600))
    await store.deleteLog(owner, fencingToken())
    await store.delete(owner)
    isSame(await bytesIn(blobs, owner, id), bytesOf(6, 600), 'the deletion of a log is not that of the blobs')
  },
  async 'a deletion leaves none, and the owner may have new ones'({ store: { blobs } }) {
    const ids: BlobId[] = []
    for (const seed of range(1, 5)) ids.push(await blobs.put(owner, bytesOf(seed, 1_000)))
    await blobs.deleteAll(owner)
    assert.equal(await blobs.list(owner), [])
    for (const id of ids) assert.equal(await blobs.read(owner, id), undefined)
    await blobs.deleteAll(owner)
    isSame(await bytesIn(blobs, owner, await blobs.put(owner, bytesOf(3, 1_000))), bytesOf(3, 1_000), 'a new one comes back')
    assert.equal((await blobs.list(owner)).length, 1)
  },
  async 'a shared blob is of both owners, and stays with one when the other deletes it'({ store: { blobs } }) {
    for (const first of [owner, other]) {
      const [one, two] = [bytesOf(7, 7_000), bytesOf(8, 8_000)]
      const ids = [await blobs.put(owner, one), await blobs.put(owner, two)]
      assert.equal(await blobs.share(owner, other, [ids[0] as BlobId]), [ids[0]])
      assert.equal(await blobs.list(other), [{ id: ids[0], size: 7_000 }])
      await blobs.deleteAll(first)
      const rest = first === owner ? other : owner
      isSame(await bytesIn(blobs, rest, ids[0] as BlobId), one, 'it is there for the owner that is left')
      assert.equal(await blobs.read(first, ids[0] as BlobId), undefined)
      await blobs.deleteAll(rest)
      for (const key of [owner, other]) assert.equal(await blobs.list(key), [])
    }
  },
  async 'sharing leaves out what neither has, and does no harm twice'({ store: { blobs } }) {
    const [ours, theirs] = [bytesOf(9, 900), bytesOf(10, 1_000)]
    const [mine, yours] = [await blobs.put(owner, ours), await blobs.put(other, theirs)]
    const missing = nameOf(bytesOf(11, 1))
    for (const _ of range(1, 2)) {
      const shared = await blobs.share(owner, other, [mine, missing, yours, mine])
      assert.equal([...shared].sort(), [mine, yours].sort())
    }
    assert.equal((await blobs.list(other)).length, 2)
    assert.equal(await blobs.list(owner), [{ id: mine, size: 900 }])
    assert.equal(await blobs.share(storeKey('sessions', 'nobody'), other, [missing]), [])
    isSame(await bytesIn(blobs, other, mine), ours, 'the shared bytes come back')
  },
  async 'bytes that are not those of the name are never given as a whole'({ store: { blobs }, damageBlob }) {
    if (damageBlob === undefined) return
    for (const length of [300, 900_000]) {
      const id = await blobs.put(owner, bytesOf(length, length))
      await damageBlob(owner, id)
      let given = 0
      const reading = (async () => {
        for await (const piece of (await blobs.read(owner, id))?.bytes ?? []) given += piece.length
      })()
      await expectRejection(reading, 'log-corrupt')
      assert.isTrue(given < length, 'the last piece is held back')
    }
  },
  async 'a blob that is gone while it is read is told, and not cut short'({ store: { blobs } }) {
    const blob = await blobs.read(owner, await blobs.put(owner, bytesOf(12, 1_200)))
    await blobs.deleteAll(owner)
    const reading = (async () => {
      for await (const _ of blob?.bytes ?? []) assert.fail('nothing is given of it')
    })()
    await expectRejection(reading, 'log-corrupt')
  },
  async 'refuses what is no blob, no id and no key, and what is too large'({ store: { blobs } }) {
    for (const bytes of [undefined, 'text', [1, 2], new ArrayBuffer(8), {}])
      await expectRejection(blobs.put(owner, bytes as Uint8Array), 'invalid-message')
    await expectRejection(blobs.put(owner, new Uint8Array(70 * 1024 * 1024)), 'document-too-large')
    assert.equal(await blobs.list(owner), [])
    const id = await blobs.put(owner, bytesOf(13, 13))
    for (const wrong of ['', id.toUpperCase(), id.slice(1), `${id}0`, `../${id.slice(3)}`, undefined as unknown as string]) {
      await expectRejection(blobs.read(owner, wrong), 'invalid-id')
      await expectRejection(blobs.share(owner, other, [id, wrong]), 'invalid-id')
    }
    assert.equal(await blobs.list(other), [])
    for (const key of [storeKey(), storeKey(''), 'key' as unknown as StoreKey]) {
      await expectRejection(blobs.put(key, bytesOf(1, 1)), 'invalid-id')
      await expectRejection(blobs.read(key, id), 'invalid-id')
      await expectRejection(blobs.list(key), 'invalid-id')
      await expectRejection(blobs.share(key, other, [id]), 'invalid-id')
      await expectRejection(blobs.share(owner, key, [id]), 'invalid-id')
      await expectRejection(blobs.deleteAll(key), 'invalid-id')
    }
  },
  async 'calls for one owner take effect in call order'({ store: { blobs } }) {
    const [one, two] = [bytesOf(14, 40_000), bytesOf(15, 10)]
    const calls = [blobs.put(owner, one), blobs.deleteAll(owner), blobs.put(owner, two)]
    await Promise.all(calls)
    assert.equal(await blobs.list(owner), [{ id: nameOf(two), size: 10 }])
  },
  async 'nothing is taken after the stop'({ store }) {
    const { blobs } = store
    const id = await blobs.put(owner, bytesOf(16, 160))
    const blob = await blobs.read(owner, id)
    await store.stop()
    const reading = (async () => {
      for await (const _ of blob?.bytes ?? []) assert.fail('nothing is given after the stop')
    })()
    await expectRejection(reading, 'store-stopped')
    await expectRejection(blobs.put(owner, bytesOf(1, 1)), 'store-stopped')
    await expectRejection(blobs.read(owner, id), 'store-stopped')
    await expectRejection(blobs.list(owner), 'store-stopped')
    await expectRejection(blobs.share(owner, other, [id]), 'store-stopped')
    await expectRejection(blobs.deleteAll(owner), 'store-stopped')
  },
}

/** What is there for the next store over the same data. */
export const blobReopenTests: StoreTests = {
  async 'blobs are there after a reopening, and those that were deleted are not'({ store, reopen }) {
    const bytes = bytesOf(17, 1_700)
    const id = await store.blobs.put(owner, bytes)
    await store.blobs.share(owner, other, [id])
    await store.blobs.deleteAll(owner)
    await store.stop()
    const next = await reopen?.()
    assert.equal(await next?.blobs.list(owner), [])
    if (next !== undefined) isSame(await bytesIn(next.blobs, other, id), bytes, 'the shared blob is there')
  },
}
