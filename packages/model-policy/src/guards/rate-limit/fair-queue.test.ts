import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

interface Item {
  readonly key: string
  readonly index: number
}

function drain(queue: FairQueue<Item>): Item[] {
  const items: Item[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item)
  return items
}

/** The items in an order that makes the same queue again: what waits, by the turns of the keys. */
function queueLines(queue: FairQueue<Item>, items: readonly Item[]): readonly Item[] {
  const keys = [...new Set(queue.before('').map(({ key }) => key))]
  return keys.flatMap((key) => items.filter((item) => item.key === key))
}

describe('a fair queue', () => {
  test('is first in, first out for one key', () => {
    const queue = new FairQueue<Item>()
    for (let index = 0; index < 5; index++) queue.push('a', { key: 'a', index })
    expect(drain(queue).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
  })

  test('lets keys take turns, however long the line of one is', () => {
    const queue = new FairQueue<Item>()
    for (const [index, key] of ['a', 'a', 'a', 'a', 'b', 'c', 'b'].entries()) queue.push(key, { key, index })
    expect(drain(queue).map(({ key }) => key)).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a'])
  })

  test('shows whose turn it is', () => {
    const queue = new FairQueue<string>()
    expect(queue.peek()).toBeUndefined()
    queue.push('a', 'first')
    queue.push('b', 'second')
    expect(queue.peek()).toBe('first')
    expect(queue.remove('a', 'first')).toBe(true)
    expect(queue.remove('a', 'first')).toBe(false)
    expect(queue.peek()).toBe('second')
    expect(queue.size).toBe(1)
  })

  test('loses and doubles nothing, keeps the order of each key, and lets nobody wait for more than one turn of every other', () => {
    const pushes = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 })
    fc.assert(
      fc.property(pushes, fc.array(fc.nat(), { maxLength: 10 }), (keys, removals) => {
        const queue = new FairQueue<Item>()
        let items = keys.map((key, index): Item => ({ key, index }))
        for (const item of items) queue.push(item.key, item)
        for (const removal of removals) {
          const gone = items[removal % Math.max(items.length, 1)]
          if (gone !== undefined) expect(queue.remove(gone.key, gone)).toBe(true)
          items = items.filter((item) => item !== gone)
        }
        expect(queue.size).toBe(items.length)
        for (const key of ['a', 'd', 'new']) {
          // A new item has its turn right after the predicted ones.
          const before = queue.before(key)
          const copy = new FairQueue<Item>()
          for (const line of queueLines(queue, items)) copy.push(line.key, line)
          const newcomer = { key, index: -1 }
          copy.push(key, newcomer)
          expect(drain(copy).indexOf(newcomer)).toBe(before.length)
        }
        const drained = drain(queue)
        expect([...drained].sort((a, b) => a.index - b.index)).toEqual(items)
        for (const key of new Set(keys)) {
          const ofKey = drained.filter((item) => item.key === key)
          expect(ofKey).toEqual(items.filter((item) => item.key === key))
          for (const [turn, item] of ofKey.entries()) expect(drained.indexOf(item)).toBeLessThan((turn + 1) * new Set(keys).size)
        }
        expect(queue.size).toBe(0)
      }),
    )
  })
})
