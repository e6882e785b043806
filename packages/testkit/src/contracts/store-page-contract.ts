/** The part of the store contract about reading a log beside its owner, page by page. */
import type { LogEntry, Store } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, range, seqsOf, storeKey } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

const key = storeKey('sessions', 'ops', 'main')

async function everyRecord(store: Store, limit: number): Promise<LogEntry[]> {
  const records: LogEntry[] = []
  for (;;) {
    const page = await store.readLog(key, { fromSeq: (records.at(-1)?.seq ?? 0) + 1, limit })
    assert.isTrue((page?.records.length ?? 0) <= limit, `a page has at most ${limit} records`)
    if (page === undefined || page.records.length === 0) return records
    records.push(...page.records)
  }
}

export const pageTests: StoreTests = {
  async 'a log that is not there has no page, and a look does not make one'({ store }) {
    assert.equal(await store.readLog(key), undefined)
    assert.equal(await store.list(storeKey()), [])
    await store.put(key, 'a document')
    assert.equal(await store.readLog(key), undefined)
  },
  async 'an empty log has an empty page'({ store }) {
    await store.openLog(key, fencingToken())
    const page = await store.readLog(key)
    // Whether a log without a record outlives its opening is up to the store.
    if (page !== undefined) assert.equal(page, { records: [], firstSeq: 1, lastSeq: 0 })
  },
  async 'a page begins where it is asked to, and has at most as many records'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 10, 'ü 漢 🦀'))
    assert.equal(await store.readLog(key), { records: logRecords(1, 10, 'ü 漢 🦀'), firstSeq: 1, lastSeq: 10 })
    assert.equal(await store.readLog(key, { fromSeq: 4, limit: 3 }), { records: logRecords(4, 6, 'ü 漢 🦀'), firstSeq: 1, lastSeq: 10 })
    assert.equal(seqsOf((await store.readLog(key, { fromSeq: 0, limit: 2 }))?.records ?? []), [1, 2])
    assert.equal(await store.readLog(key, { fromSeq: 11 }), { records: [], firstSeq: 1, lastSeq: 10 })
  },
  async 'without a limit a page has at most 1,000 records'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 1_200))
    assert.equal(seqsOf((await store.readLog(key))?.records ?? []), range(1, 1_000))
  },
  async 'page after page gives every record once'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 100))
    await log.snapshot({ seq: 60, state: {} })
    await log.append(logRecords(101, 130))
    for (const limit of [1, 7, 64, 1_000]) assert.equal(await everyRecord(store, limit), logRecords(1, 130))
  },
  async 'records stay readable after a snapshot'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 6))
    await log.snapshot({ seq: 4, state: 'four' })
    assert.equal(await store.readLog(key), { records: logRecords(1, 6), firstSeq: 1, lastSeq: 6 })
    await log.append(logRecords(4, 7))
    await log.snapshot({ seq: 7, state: 'seven' })
    const later = await store.openLog(key, fencingToken(2))
    await later.append(logRecords(8))
    assert.equal(await store.readLog(key), { records: logRecords(1, 8), firstSeq: 1, lastSeq: 8 })
  },
  async 'records that a snapshot drops are gone'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 6))
    await log.snapshot({ seq: 4, state: 'four' }, { dropRecords: true })
    assert.equal(await store.readLog(key), { records: logRecords(5, 6), firstSeq: 5, lastSeq: 6 })
    await log.snapshot({ seq: 6, state: 'six' }, { dropRecords: true })
    assert.equal(await store.readLog(key), { records: [], firstSeq: 7, lastSeq: 6 })
    await log.append(logRecords(7))
    assert.equal(await store.readLog(key), { records: logRecords(7), firstSeq: 7, lastSeq: 7 })
  },
  async 'a page fences no handle, and sees what an owner was acknowledged'({ store }) {
    const log = await store.openLog(key, fencingToken())
    for (const seq of range(1, 20)) {
      const reading = store.readLog(key)
      await log.append(logRecords(seq))
      assert.equal((await store.readLog(key, { fromSeq: seq }))?.records, logRecords(seq))
      await reading
    }
    await log.close()
    assert.equal((await store.readLog(key))?.lastSeq, 20)
  },
  async 'a page has no hole, whatever is written meanwhile'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const writing = (async () => {
      for (const round of range(0, 9)) {
        await log.append(logRecords(round * 10 + 1, round * 10 + 10))
        await log.snapshot({ seq: round * 10 + 5, state: round })
      }
    })()
    for (const _ of range(1, 30)) {
      const page = await store.readLog(key)
      const records = page?.records ?? []
      assert.equal(seqsOf(records), range(1, records.length))
      assert.atLeast(page?.lastSeq ?? 0, records.length)
    }
    await writing
    assert.equal(await everyRecord(store, 33), logRecords(1, 100))
  },
  async 'a page is a copy'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    const page = await store.readLog(key)
    ;(page?.records[0]?.data as { text: string }).text = 'changed'
    assert.equal((await store.readLog(key))?.records, logRecords(1))
  },
  async 'a deleted log has no page'({ store }) {
    const log = await store.openLog(key, fencingToken(1))
    await log.append(logRecords(1, 3))
    await store.deleteLog(key, fencingToken(1))
    assert.equal(await store.readLog(key), undefined)
    await (await store.openLog(key, fencingToken(2))).append(logRecords(1))
    await store.delete(key)
    assert.equal(await store.readLog(key), undefined)
  },
  async 'a page that cannot be is refused'({ store }) {
    await (await store.openLog(key, fencingToken())).append(logRecords(1))
    for (const options of [{ fromSeq: -1 }, { fromSeq: 1.5 }, { limit: 0 }, { limit: Number.NaN }, { limit: '5' as unknown as number }])
      await expectRejection(store.readLog(key, options), 'invalid-option')
    await expectRejection(store.readLog(storeKey()), 'invalid-id')
    await store.stop()
    await expectRejection(store.readLog(key), 'store-stopped')
  },
}
