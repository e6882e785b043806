/** The part of the store contract about the life of logs and stores: snapshots, deletion, reopening, stopping. */
import type { JsonValue, LogContents, Store } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, range, storeKey } from './store-fixtures.ts'
import type { StoreTests, StoreUnderTest } from './store-under-test.ts'

const key = storeKey('sessions', 'ops', 'main')

async function contentOf(store: Store): Promise<LogContents> {
  const log = await store.openLog(key, fencingToken(1_000_000))
  return await log.read()
}

export const snapshotTests: StoreTests = {
  async 'a snapshot stands for the records up to its seq'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 5))
    await log.snapshot({ seq: 3, state: { total: 3 } })
    const expected = { snapshot: { seq: 3, state: { total: 3 } }, records: logRecords(4, 5) }
    assert.equal(await log.read(), expected)
    assert.equal(await contentOf(store), expected)
  },
  async 'a log goes on after its snapshot, again and again'({ store }) {
    const log = await store.openLog(key, fencingToken())
    for (const round of range(0, 5)) {
      await log.append(logRecords(round * 10 + 1, round * 10 + 10))
      await log.snapshot({ seq: round * 10 + 10, state: { round } })
    }
    await log.append(logRecords(61))
    const expected = { snapshot: { seq: 60, state: { round: 5 } }, records: logRecords(61) }
    assert.equal(await log.read(), expected)
    const later = await store.openLog(key, fencingToken(2))
    assert.equal(await later.read(), expected)
    await expectRejection(later.append(logRecords(63)), 'log-gap')
    await later.append(logRecords(62))
    await later.snapshot({ seq: 62, state: 'done' })
    assert.equal(await contentOf(store), { snapshot: { seq: 62, state: 'done' }, records: [] })
  },
  async 'a snapshot of records that do not exist, or are gone, rejects'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 4))
    await expectRejection(log.snapshot({ seq: 5, state: {} }), 'log-gap')
    await log.snapshot({ seq: 4, state: {} })
    await expectRejection(log.snapshot({ seq: 3, state: {} }), 'log-gap')
    await log.snapshot({ seq: 4, state: { again: true } })
    assert.equal(await log.read(), { snapshot: { seq: 4, state: { again: true } }, records: [] })
  },
  async 'a record that a snapshot dropped is a log-gap when it is appended again'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 6))
    await log.snapshot({ seq: 4, state: 'four' }, { dropRecords: true })
    await expectRejection(log.append(logRecords(4)), 'log-gap')
    await expectRejection(log.append(logRecords(3, 6)), 'log-gap')
    await log.append(logRecords(5, 7))
    const later = await store.openLog(key, fencingToken(2))
    await expectRejection(later.append(logRecords(4)), 'log-gap')
    await later.append(logRecords(6, 8))
    assert.equal(await later.read(), { snapshot: { seq: 4, state: 'four' }, records: logRecords(5, 8) })
  },
  async 'appends and snapshots at once keep call order'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const work: Promise<void>[] = []
    for (const round of range(1, 5)) {
      work.push(
        log.append(logRecords(round * 2 - 1)),
        log.append(logRecords(round * 2)),
        log.snapshot({ seq: round * 2 - 1, state: round }),
      )
    }
    await Promise.all(work)
    assert.equal(await contentOf(store), { snapshot: { seq: 9, state: 5 }, records: logRecords(10) })
  },
  async 'a snapshot is copied, and must be JSON'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    const state = { list: [1] }
    const taking = log.snapshot({ seq: 1, state })
    state.list.push(2)
    await taking
    assert.equal((await log.read()).snapshot, { seq: 1, state: { list: [1] } })
    await expectRejection(log.snapshot({ seq: 1, state: undefined as unknown as JsonValue }), 'invalid-message')
    assert.equal((await contentOf(store)).snapshot, { seq: 1, state: { list: [1] } })
  },
}

export const deleteTests: StoreTests = {
  async 'deleting a log fences its handles and empties it'({ store }) {
    const log = await store.openLog(key, fencingToken(7))
    await log.append(logRecords(1, 3))
    await log.snapshot({ seq: 2, state: {} })
    assert.equal(await store.delete(key), true)
    const error = await expectRejection(log.append(logRecords(4)), 'fenced')
    assert.equal(error.details.epoch, undefined, 'a deleted log has no later owner')
    await expectRejection(log.read(), 'fenced')
    assert.equal(await store.list(storeKey('sessions')), [])
    assert.equal(await store.delete(key), false)
    const fresh = await store.openLog(key, fencingToken(1))
    assert.equal(await fresh.read(), { snapshot: undefined, records: [] })
    await expectRejection(log.append(logRecords(4)), 'fenced')
    await fresh.append(logRecords(1))
  },
  async 'a document and a log of the same key go together, those below stay'({ store }) {
    await store.put(key, 'metadata')
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await store.put([...key, 'below'], 'stays')
    await expectRejection(store.delete(key, { expectedVersion: 9 }), 'version-conflict')
    await log.append(logRecords(2))
    assert.equal(await store.delete(key, { expectedVersion: 1 }), true)
    assert.equal(await store.get(key), undefined)
    await expectRejection(log.append(logRecords(3)), 'fenced')
    assert.equal(await store.list(storeKey('sessions')), [[...key, 'below']])
  },
}

export const deleteLogTests: StoreTests = {
  async 'the owner of a log deletes it, and nothing beside or below it'({ store }) {
    await store.put(key, 'document')
    const log = await store.openLog(key, fencingToken(7))
    await log.append(logRecords(1, 3))
    await log.snapshot({ seq: 2, state: {} })
    await store.put([...key, 'below'], 'stays')
    assert.equal(await store.deleteLog(key, fencingToken(7)), true)
    const error = await expectRejection(log.append(logRecords(4)), 'fenced')
    assert.equal(error.details.epoch, undefined, 'a deleted log has no later owner')
    assert.equal(await store.get(key), { value: 'document', version: 1 })
    assert.equal(await store.list(storeKey('sessions')), [key, [...key, 'below']])
    const fresh = await store.openLog(key, fencingToken(1))
    assert.equal(await fresh.read(), { snapshot: undefined, records: [] })
  },
  async 'a log that was deleted is not listed, and is deleted once'({ store }) {
    assert.equal(await store.deleteLog(key, fencingToken(1)), false)
    assert.equal(await store.list(storeKey()), [])
    await (await store.openLog(key, fencingToken(2))).append(logRecords(1))
    assert.equal(await store.deleteLog(key, fencingToken(2)), true)
    assert.equal(await store.list(storeKey()), [])
    assert.equal(await store.deleteLog(key, fencingToken(2)), false)
  },
  async 'a log is not deleted by an earlier owner'({ store }) {
    await store.openLog(key, fencingToken(3))
    const log = await store.openLog(key, fencingToken(5))
    await log.append(logRecords(1, 2))
    const error = await expectRejection(store.deleteLog(key, fencingToken(3)), 'fenced')
    assert.equal(error.details.epoch, 5)
    await log.append(logRecords(3))
    assert.equal(await log.read(), { snapshot: undefined, records: logRecords(1, 3) })
    await log.close()
    await expectRejection(store.deleteLog(key, fencingToken(4)), 'fenced')
    assert.equal(await store.deleteLog(key, fencingToken(6)), true)
  },
}

export const reopenTests: StoreTests = {
  async 'documents, logs, snapshots and tokens outlive the store'(subject) {
    const { store } = subject
    await store.put(storeKey('jobs', 'a'), { n: 1 })
    await store.put(storeKey('jobs', 'a'), { n: 2 })
    const log = await store.openLog(key, fencingToken(5))
    await log.append(logRecords(1, 4))
    await log.snapshot({ seq: 2, state: { n: 2 } })
    await log.append(logRecords(5))
    const reopened = await reopen(subject)
    assert.equal(await reopened.get(storeKey('jobs', 'a')), { value: { n: 2 }, version: 2 })
    await expectRejection(reopened.openLog(key, fencingToken(4)), 'fenced')
    assert.equal(await contentOf(reopened), { snapshot: { seq: 2, state: { n: 2 } }, records: logRecords(3, 5) })
    assert.equal(await reopened.list(storeKey()), [storeKey('jobs', 'a'), key])
  },
  async 'the id of its data, of a store that has one, is the same after the store was opened again'(subject) {
    const before = await subject.store.id?.()
    if (before === undefined) return
    assert.isTrue(typeof before === 'string' && before !== '', `an id is a text, and not ${JSON.stringify(before)}`)
    const reopened = await reopen(subject)
    assert.equal(await reopened.id?.(), before)
  },
  async 'what was deleted is gone after the store was opened again, too'(subject) {
    const { store } = subject
    for (const name of ['a', 'b']) await store.put(storeKey('jobs', name), name)
    const log = await store.openLog(key, fencingToken(5))
    await log.append(logRecords(1, 4))
    await log.snapshot({ seq: 2, state: { n: 2 } })
    await store.delete(storeKey('jobs', 'a'))
    await store.delete(key)
    const reopened = await reopen(subject)
    assert.equal(await reopened.get(storeKey('jobs', 'a')), undefined)
    assert.equal(await reopened.list(storeKey()), [storeKey('jobs', 'b')])
    assert.equal(await (await reopened.openLog(key, fencingToken(1))).read(), { snapshot: undefined, records: [] })
  },
  async 'an append under way when the store stops is there afterwards if it was acknowledged'(subject) {
    const log = await subject.store.openLog(key, fencingToken())
    const appends = Promise.allSettled(range(1, 50).map((seq) => log.append(logRecords(seq))))
    const reopened = await reopen(subject)
    const acknowledged = (await appends).filter(({ status }) => status === 'fulfilled').length
    const { records } = await contentOf(reopened)
    assert.atLeast(records.length, acknowledged)
    assert.equal(records, logRecords(1, records.length))
  },
}

async function reopen({ store, reopen: again }: StoreUnderTest): Promise<Store> {
  if (again === undefined) throw new Error('storeContract: give `reopen`, or skip the section "reopen" with a reason')
  await store.stop()
  return await again()
}

export const stopTests: StoreTests = {
  async 'a store that was stopped refuses everything'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await store.stop()
    await store.stop()
    await expectRejection(store.get(key), 'store-stopped')
    await expectRejection(store.put(key, 1), 'store-stopped')
    await expectRejection(store.delete(key), 'store-stopped')
    await expectRejection(store.deleteLog(key, fencingToken(9)), 'store-stopped')
    await expectRejection(store.list(storeKey()), 'store-stopped')
    await expectRejection(store.openLog(key, fencingToken()), 'store-stopped')
    await expectRejection(log.append(logRecords(2)), 'store-stopped')
    await expectRejection(log.read(), 'store-stopped')
    await expectRejection(log.snapshot({ seq: 1, state: {} }), 'store-stopped')
    await log.close()
  },
  async 'stopping a store that was never used resolves'({ store }) {
    await store.stop()
  },
  async 'what was called before the stop finishes'({ store }) {
    const log = await store.openLog(key, fencingToken())
    let done = 0
    const work = [store.put(storeKey('a'), 1), log.append(logRecords(1)), log.append(logRecords(2))]
    // Rejections are not inspected, only handled: an unhandled rejection would end the run of some test runners.
    for (const call of work) {
      call.then(
        () => done++,
        () => undefined,
      )
    }
    await store.stop()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(done, 3, 'calls that are done when stop resolves')
    await Promise.all(work)
  },
  async 'a handle that was closed refuses everything, and closes again'({ store }) {
    const log = await store.openLog(key, fencingToken())
    let isDone = false
    const appending = log.append(logRecords(1))
    appending.then(
      () => {
        isDone = true
      },
      () => undefined,
    )
    await Promise.all([log.close(), log.close()])
    assert.isTrue(isDone, 'an append under way is done when close resolves')
    await appending
    await expectRejection(log.append(logRecords(2)), 'store-stopped')
    await expectRejection(log.read(), 'store-stopped')
    await expectRejection(log.snapshot({ seq: 1, state: {} }), 'store-stopped')
    const again = await store.openLog(key, fencingToken())
    await again.append(logRecords(2))
    assert.equal((await again.read()).records, logRecords(1, 2))
  },
}
