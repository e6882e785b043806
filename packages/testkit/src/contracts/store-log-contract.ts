/** The logs' part of the Store contract. */
import type { AppendLog, LogContents, LogEntry, Store } from '@beamclaw/core'
import * as assert from './assert.ts'
import { expectRejection, fencingToken, logRecords, range, seqsOf, storeKey } from './store-fixtures.ts'
import type { StoreTests } from './store-under-test.ts'

const key = storeKey('sessions', 'ops', 'main')

async function contentOf(store: Store): Promise<LogContents> {
  const log = await store.openLog(key, fencingToken(1_000_000))
  return await log.read()
}

export const appendTests: StoreTests = {
  async 'a new log is empty'({ store }) {
    assert.equal(await (await store.openLog(key, fencingToken())).read(), { snapshot: undefined, records: [] })
  },
  async 'records come back as they were, in order'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const records = logRecords(1, 3, 'ü 漢 🦀 \ud800 \u0000 \n "')
    await log.append(records.slice(0, 1))
    await log.append(records.slice(1))
    await log.append([])
    assert.equal(await log.read(), { snapshot: undefined, records })
    assert.equal(await contentOf(store), { snapshot: undefined, records })
  },
  async 'a log is no document'({ store }) {
    await (await store.openLog(key, fencingToken())).append(logRecords(1))
    assert.equal(await store.get(key), undefined)
    assert.equal(await store.put(key, 'both', { expectedVersion: 0 }), 1)
    assert.equal((await contentOf(store)).records, logRecords(1))
    assert.equal(await store.list(storeKey('sessions')), [key])
  },
  async 'a gap rejects, changes nothing and does not break the handle'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await expectRejection(log.append(logRecords(2)), 'log-gap')
    await log.append(logRecords(1, 2))
    await expectRejection(log.append(logRecords(4)), 'log-gap')
    await expectRejection(log.append([...logRecords(3), ...logRecords(5)]), 'log-gap')
    await expectRejection(log.append([...logRecords(3), ...logRecords(3)]), 'log-gap')
    await log.append(logRecords(3))
    assert.equal(seqsOf((await log.read()).records), [1, 2, 3])
  },
  async 'a record that is appended again counts as written'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 3))
    await log.append(logRecords(3))
    await log.append(logRecords(1, 2))
    await log.append(logRecords(2, 5))
    assert.equal((await log.read()).records, logRecords(1, 5))
    const later = await store.openLog(key, fencingToken())
    await later.append(logRecords(4, 6))
    assert.equal((await later.read()).records, logRecords(1, 6))
  },
  async 'the last 64 records count as written when they are appended again, after an opening, too'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 100))
    await log.append(logRecords(37, 100))
    const later = await store.openLog(key, fencingToken(2))
    await later.append(logRecords(37, 101))
    // Older ones may be known or not; they are never written twice.
    await later.append(logRecords(1, 2)).catch((error: unknown) => expectRejection(Promise.reject(error), 'log-gap'))
    assert.equal(seqsOf((await later.read()).records), range(1, 101))
  },
  async 'another record with a seq that is taken rejects'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 3))
    const other = { ...(logRecords(3)[0] as LogEntry), id: 'other' }
    await expectRejection(log.append([other]), 'log-gap')
    await expectRejection(log.append([...logRecords(2), other, ...logRecords(4)]), 'log-gap')
    assert.equal((await log.read()).records, logRecords(1, 3))
  },
  async 'concurrent appends keep call order'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const finished: number[] = []
    const appends = range(1, 200).map((seq) => log.append(logRecords(seq)).then(() => finished.push(seq)))
    const gap = expectRejection(log.append(logRecords(300)), 'log-gap')
    const again = log.append(logRecords(200))
    await Promise.all([...appends, gap, again])
    assert.equal(finished, range(1, 200))
    assert.equal((await log.read()).records, logRecords(1, 200))
  },
  async 'records are copied on the way in and on the way out'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const records = logRecords(1)
    const appending = log.append(records)
    ;(records[0]?.data as { text: string }).text = 'changed'
    records.push(...logRecords(2))
    await appending
    const read = await log.read()
    ;(read.records as LogEntry[]).push(...logRecords(2))
    ;(read.records[0]?.data as { text: string }).text = 'changed'
    assert.equal((await log.read()).records, logRecords(1))
  },
  async 'many logs at once do not mix'({ store }) {
    await Promise.all(
      range(1, 40).map(async (index) => {
        const log = await store.openLog(storeKey('sessions', `agent${index % 4}`, `s${index >> 2}`), fencingToken())
        for (const seq of range(1, 5)) await log.append(logRecords(seq, seq, `${index}`))
        assert.equal((await log.read()).records, logRecords(1, 5, `${index}`))
        await log.close()
      }),
    )
    assert.equal((await store.list(storeKey('sessions'))).length, 40)
  },
  async 'a large batch is one batch'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 20_000, 'x'.repeat(50)))
    assert.equal((await contentOf(store)).records.length, 20_000)
  },
}

export const readTests: StoreTests = {
  async 'reads from a seq on'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 5))
    assert.equal(seqsOf((await log.read(4)).records), [4, 5])
    assert.equal((await log.read(6)).records, [])
    assert.equal((await log.read(0)).records.length, 5)
    await expectRejection(log.read(Number.NaN), 'invalid-message', 'invalid-option')
  },
  async 'reads what was appended before it was called'({ store }) {
    const log = await store.openLog(key, fencingToken())
    const appending = log.append(logRecords(1, 3))
    const reading = log.read()
    const later = log.append(logRecords(4))
    assert.equal(seqsOf((await reading).records), [1, 2, 3])
    await Promise.all([appending, later])
  },
  async 'reads from a seq on after a snapshot, too'({ store }) {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 6))
    await log.snapshot({ seq: 3, state: 'three' })
    for (const [from, first] of [
      [2, 4],
      [4, 4],
      [5, 5],
      [7, 7],
    ] as const) {
      assert.equal(await log.read(from), { snapshot: { seq: 3, state: 'three' }, records: logRecords(first, 6) }, `from ${from}`)
    }
  },
  async 'a read shows nothing that is not durable'({ store }) {
    const log = await store.openLog(key, fencingToken())
    for (const seq of range(1, 5)) {
      let isAcknowledged = false
      const appending = log.append(logRecords(seq)).then(() => {
        isAcknowledged = true
      })
      const { records } = await log.read()
      // An acknowledgement that is due at the same time has the time to arrive.
      await new Promise((resolve) => setImmediate(resolve))
      assert.isTrue(isAcknowledged || records.length < seq, `record ${seq} was read before its append was acknowledged`)
      await appending
    }
  },
  async 'says where a record is kept, if it knows'({ store }) {
    const log = await store.openLog(key, fencingToken())
    if (log.locate === undefined) return
    await log.append(logRecords(1, 2))
    await log.append(logRecords(3))
    const places = await Promise.all(range(1, 3).map((seq) => log.locate?.(seq)))
    for (const place of places) assert.equal([typeof place?.file, typeof place?.offset], ['string', 'number'])
    assert.equal(new Set(places.map((place) => JSON.stringify(place))).size, 3)
    assert.equal(await log.locate(4), undefined)
    assert.equal(await log.locate(0), undefined)
    await log.snapshot({ seq: 2, state: {} })
    const later = await store.openLog(key, fencingToken(2))
    assert.equal(await later.locate?.(1), await later.locate?.(2))
    assert.notEqual(await later.locate?.(3), await later.locate?.(2))
    await expectRejection(log.locate(1), 'fenced')
  },
}

export const fencingTests: StoreTests = {
  async 'a later opening fences the handle before it'({ store }) {
    const old = await store.openLog(key, fencingToken(1, 'a'))
    await old.append(logRecords(1))
    const young = await store.openLog(key, fencingToken(2, 'b'))
    await expectRejection(old.append(logRecords(2)), 'fenced')
    await expectRejection(old.append(logRecords(2)), 'fenced')
    await expectRejection(old.read(), 'fenced')
    await expectRejection(old.snapshot({ seq: 1, state: {} }), 'fenced')
    await old.close()
    await young.append(logRecords(2))
    assert.equal(seqsOf((await young.read()).records), [1, 2])
  },
  async 'an old handle can do nothing, whatever it is asked first'({ store }) {
    const first = await store.openLog(key, fencingToken(1))
    await first.append(logRecords(1, 3))
    let epoch = 1
    const asked: Record<string, (log: AppendLog) => Promise<unknown>> = {
      snapshot: (log) => log.snapshot({ seq: 2, state: 'of an old owner' }),
      append: (log) => log.append(logRecords(4)),
      'append again': (log) => log.append(logRecords(3)),
      'append nothing': (log) => log.append([]),
      read: (log) => log.read(),
    }
    for (const [name, call] of Object.entries(asked)) {
      const old = await store.openLog(key, fencingToken(++epoch))
      const young = await store.openLog(key, fencingToken(++epoch))
      const error = await expectRejection(call(old), 'fenced')
      assert.equal(error.code, (await expectRejection(old.read(), 'fenced')).code, name)
      assert.equal(await young.read(), { snapshot: undefined, records: logRecords(1, 3) }, name)
    }
  },
  async 'a refusal names the epoch that is in the way'({ store }) {
    const old = await store.openLog(key, fencingToken(6))
    const log = await store.openLog(key, fencingToken(7, 'seven'))
    for (const call of [old.append(logRecords(1)), old.read(), old.snapshot({ seq: 0, state: {} })]) {
      assert.equal((await expectRejection(call, 'fenced')).details.epoch, 7, 'a handle that a later owner fenced')
    }
    const refused = async (state: string): Promise<void> => {
      for (const token of [fencingToken(3), fencingToken(6), fencingToken(7, 'another')]) {
        const error = await expectRejection(store.openLog(key, token), 'fenced')
        assert.equal(error.details.epoch, 7, `openLog with epoch ${token.epoch} while the handle is ${state}`)
      }
    }
    await refused('open')
    await log.close()
    await refused('closed')
  },
  async 'epochs are compared as whole numbers of any size'({ store }) {
    const epochs = [9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 1_790_000_000_000, 1_790_000_000_001, Number.MAX_SAFE_INTEGER]
    for (const [index, epoch] of epochs.entries()) {
      await store.openLog(key, fencingToken(epoch, `${epoch}`))
      for (const lower of epochs.slice(0, index)) {
        const error = await expectRejection(store.openLog(key, fencingToken(lower, `${lower}`)), 'fenced')
        assert.equal(error.details.epoch, epoch, `epoch ${lower} after ${epoch}`)
      }
    }
  },
  async 'the same token opens again, and fences its own handle'({ store }) {
    const old = await store.openLog(key, fencingToken())
    await old.append(logRecords(1))
    const young = await store.openLog(key, fencingToken())
    await expectRejection(old.append(logRecords(2)), 'fenced')
    await young.append(logRecords(2))
  },
  async 'a lower epoch is refused, and does no harm'({ store }) {
    const log = await store.openLog(key, fencingToken(5))
    await log.append(logRecords(1))
    await expectRejection(store.openLog(key, fencingToken(4)), 'fenced')
    await log.append(logRecords(2))
    await log.close()
    await expectRejection(store.openLog(key, fencingToken(4)), 'fenced')
  },
  async 'an equal epoch with another nonce is refused'({ store }) {
    const log = await store.openLog(key, fencingToken(5, 'a'))
    await expectRejection(store.openLog(key, fencingToken(5, 'b')), 'fenced')
    await log.append(logRecords(1))
    await log.close()
    await expectRejection(store.openLog(key, fencingToken(5, 'b')), 'fenced')
    await (await store.openLog(key, fencingToken(5, 'a'))).append(logRecords(2))
  },
  async 'what an old handle got acknowledged is there, whatever the moment it was fenced'({ store }) {
    for (const round of range(1, 10)) {
      const old = await store.openLog(key, fencingToken(round))
      const start = (await old.read()).records.length
      const acknowledged: number[] = []
      const appends = range(start + 1, start + 20).map((seq) =>
        old.append(logRecords(seq)).then(
          () => acknowledged.push(seq),
          () => undefined,
        ),
      )
      await Promise.all(appends.slice(0, round))
      const young = await store.openLog(key, fencingToken(round + 1))
      const { records } = await young.read()
      await Promise.all(appends)
      assert.atLeast(records.length, acknowledged.at(-1) ?? 0)
      assert.equal(seqsOf(records), range(1, records.length))
    }
  },
  async 'of many openers at once one is left'({ store }) {
    const openings = await Promise.allSettled(range(1, 12).map((epoch) => store.openLog(key, fencingToken(epoch))))
    const handles = openings.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const outcomes = await Promise.allSettled(handles.map((log) => log.append(logRecords(1))))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await contentOf(store)).records, logRecords(1))
  },
}
