import { BeamClawError, defaultTenant, MemoryStore, type PutOptions, type StoreKey } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { UsageBook } from './usage-book.ts'

const key: StoreKey = [defaultTenant, 'usage', '2026-01-01']
const labels = { provider: 'acme', model: 'small', agent: 'ops', tenant: 'north' }

function requestsIn(book: UsageBook): number {
  return [...book.rows().values()].reduce((sum, { counts }) => sum + counts.requests, 0)
}

async function requestsStored(store: MemoryStore): Promise<number> {
  const book = new UsageBook(100)
  const found = await store.get(key)
  if (found !== undefined) book.load(found.value)
  return requestsIn(book)
}

function bookWith(requests: number): UsageBook {
  const book = new UsageBook(100)
  book.add(labels, { requests })
  return book
}

/** Fails as it is told, before or after the write was done. */
class FlakyStore extends MemoryStore {
  faults: ('before' | 'after' | 'conflict')[] = []
  puts = 0

  override async put(at: StoreKey, value: Parameters<MemoryStore['put']>[1], options?: PutOptions): Promise<number> {
    this.puts++
    const fault = this.faults.shift()
    if (fault === 'conflict') throw new BeamClawError('version-conflict', 'Somebody was faster')
    if (fault === 'before') throw new BeamClawError('store-io', 'Disk is gone')
    const version = await super.put(at, value, options)
    if (fault === 'after') throw new BeamClawError('store-io', 'The answer was lost')
    return version
  }
}

describe('a day in the store', () => {
  test('is the sum of what all writers added', async () => {
    const store = new MemoryStore()
    const [first, second] = [bookWith(1), bookWith(2)]
    await Promise.all([first.save(store, key, 'a'), second.save(store, key, 'b')])
    expect(await requestsStored(store)).toBe(3)
    first.add(labels, { requests: 4 })
    await first.save(store, key, 'a')
    expect(await requestsStored(store)).toBe(7)
    expect(requestsIn(first)).toBe(7)
  })

  test('tells each writer what the others added', async () => {
    const store = new MemoryStore()
    await bookWith(1).save(store, key, 'a')
    const second = bookWith(2)
    expect(await second.save(store, key, 'b')).toMatchObject([{ labels, counts: { requests: 1 } }])
    expect(await second.save(store, key, 'b')).toEqual([])
  })

  test('is not written when there is nothing new', async () => {
    const store = new FlakyStore()
    const book = bookWith(1)
    await book.save(store, key, 'a')
    expect(book.isDirty).toBe(false)
    await book.save(store, key, 'a')
    expect(store.puts).toBe(1)
  })

  test('is tried again when somebody was faster, and given up after too often without losing anything', async () => {
    const store = new FlakyStore()
    store.faults = ['conflict', 'conflict']
    const book = bookWith(1)
    await book.save(store, key, 'a')
    expect(await requestsStored(store)).toBe(1)
    book.add(labels, { requests: 1 })
    store.faults = Array(9).fill('conflict')
    await expect(book.save(store, key, 'a')).rejects.toMatchObject({ code: 'version-conflict' })
    expect(book.isDirty).toBe(true)
    await book.save(store, key, 'a')
    expect(await requestsStored(store)).toBe(2)
  })

  test.each(['before', 'after'] as const)('counts a batch once when the store fails %s it wrote', async (fault) => {
    const store = new FlakyStore()
    store.faults = [fault]
    const book = bookWith(1)
    await expect(book.save(store, key, 'a')).rejects.toMatchObject({ code: 'store-io' })
    book.add(labels, { requests: 2 })
    expect(requestsIn(book)).toBe(3)
    await book.save(store, key, 'a')
    expect(await requestsStored(store)).toBe(1)
    await book.save(store, key, 'a')
    expect(await requestsStored(store)).toBe(3)
    expect(requestsIn(book)).toBe(3)
  })

  test('is left as it is when this version cannot read it', async () => {
    const store = new MemoryStore()
    await store.put(key, { format: 9 })
    await expect(bookWith(1).save(store, key, 'a')).rejects.toMatchObject({ code: 'internal' })
    expect((await store.get(key))?.value).toEqual({ format: 9 })
  })

  test('remembers a bounded number of writers', async () => {
    const store = new MemoryStore()
    for (let writer = 0; writer < 100; writer++) await bookWith(1).save(store, key, `usage-${writer}`)
    expect(await requestsStored(store)).toBe(100)
    const document = (await store.get(key))?.value as { readonly writers: object }
    expect(Object.keys(document.writers)).toHaveLength(64)
  })
})
