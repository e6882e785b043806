import { expect, test } from 'vitest'
import { oneByOne } from './one-by-one.ts'

async function* from(batches: readonly (readonly number[])[], log: string[] = []): AsyncGenerator<readonly number[], void, undefined> {
  try {
    for (const batch of batches) {
      log.push(`batch of ${batch.length}`)
      yield batch
    }
    if (batches.length === 0) throw new Error('broken')
  } finally {
    log.push('ended')
  }
}

test('items come in their order, whatever the batches', async () => {
  const items: number[] = []
  for await (const item of oneByOne(from([[], [1], [], [2, 3, 4], [5], []]))) items.push(item)
  expect(items).toEqual([1, 2, 3, 4, 5])
})

test('a batch is asked for when the one before it is read, and not earlier', async () => {
  const log: string[] = []
  const items = oneByOne(from([[1, 2], [3]], log))
  expect(log).toEqual([])
  await items.next()
  await items.next()
  expect(log).toEqual(['batch of 2'])
  expect(await items.next()).toEqual({ done: false, value: 3 })
})

test('leaving the loop ends the batches, and nothing that was left comes later', async () => {
  const log: string[] = []
  const items = oneByOne(from([[1, 2], [3]], log))
  for await (const item of items) if (item === 1) break
  expect(log).toEqual(['batch of 2', 'ended'])
  expect(await items.next()).toEqual({ done: true, value: undefined })
})

test('an error of the batches is the error of the read', async () => {
  await expect(oneByOne(from([])).next()).rejects.toThrow('broken')
})

test('reads that do not wait for each other get every item, in the order of the reads', async () => {
  const items = oneByOne(from([[1, 2, 3], [], [4], [5, 6]]))
  const reads = await Promise.all(Array.from({ length: 8 }, () => items.next()))
  expect(reads.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, 6, undefined, undefined])
})

test('what arrives for a read that was under way is dropped when the loop was left meanwhile', async () => {
  const items = oneByOne(from([[1, 2, 3]]))
  const read = items.next()
  await items.return?.()
  expect(await read).toEqual({ done: false, value: 1 })
  expect(await items.next()).toEqual({ done: true, value: undefined })
})
