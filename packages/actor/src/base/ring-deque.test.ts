import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RingDeque } from './ring-deque.ts'

interface Pair {
  readonly real: RingDeque<number | undefined>
  readonly model: (number | undefined)[]
}

function itemsOf<T>(deque: RingDeque<T>): T[] {
  const items: T[] = []
  deque.forEach((item) => {
    items.push(item)
  })
  return items
}

const command = (name: string, run: (pair: Pair) => void): fc.Command<Pair['model'], Pair['real']> => ({
  check: () => true,
  run: (model, real) => {
    run({ model, real })
    expect(real.length).toBe(model.length)
    expect(real.peek()).toBe(model[0])
  },
  toString: () => name,
})

const commands = [
  fc.option(fc.integer(), { nil: undefined }).map((item) =>
    command(`push ${item}`, ({ real, model }) => {
      real.push(item)
      model.push(item)
    }),
  ),
  fc.constant(command('shift', ({ real, model }) => expect(real.shift()).toBe(model.shift()))),
  fc.integer({ min: 1, max: 40 }).map((count) =>
    command(`push ${count} items`, ({ real, model }) => {
      for (let item = 0; item < count; item++) {
        real.push(item)
        model.push(item)
      }
    }),
  ),
  fc.integer({ min: 1, max: 40 }).map((count) =>
    command(`shift ${count} items`, ({ real, model }) => {
      for (let turn = 0; turn < count; turn++) expect(real.shift()).toBe(model.shift())
    }),
  ),
  fc.constant(command('visit', ({ real, model }) => expect(itemsOf(real)).toEqual(model))),
]

describe('a ring deque', () => {
  test('does what an array does with push and shift, at every size', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 8, 64), fc.commands(commands, { maxCommands: 60 }), (capacity, run) => {
        fc.modelRun(() => ({ model: [], real: new RingDeque<number | undefined>(capacity) }), run)
      }),
    )
  })

  test('is empty at first, and again when all is taken out', () => {
    const deque = new RingDeque<string>()
    expect([deque.length, deque.peek(), deque.shift()]).toEqual([0, undefined, undefined])
    deque.push('only')
    expect([deque.length, deque.peek(), deque.shift(), deque.shift()]).toEqual([1, 'only', 'only', undefined])
  })

  test('keeps its order through a burst of 100,000 and while it shrinks after it', () => {
    const deque = new RingDeque<number>()
    for (let item = 0; item < 100_000; item++) deque.push(item)
    for (let item = 0; item < 100_000; item++) {
      if (deque.shift() !== item) expect.unreachable(`lost ${item}`)
      if (item % 1_000 === 0) deque.push(100_000 + item / 1_000)
    }
    expect(itemsOf(deque)).toEqual(Array.from({ length: 100 }, (_, index) => 100_000 + index))
  })

  test('lets go of what was taken out', async () => {
    const deque = new RingDeque<object>()
    const references = Array.from({ length: 100 }, (_, item) => pushNew(deque, { item }))
    while (deque.length > 0) deque.shift()
    await collectGarbage()
    expect(references.filter((reference) => reference.deref() !== undefined)).toEqual([])
    expect(deque.length).toBe(0)
  })

  test('does not keep the array of a burst', async () => {
    const deque = new RingDeque<number>()
    const before = await heapUsed()
    for (let item = 0; item < 2_000_000; item++) deque.push(item)
    const full = (await heapUsed()) - before
    while (deque.length > 0) deque.shift()
    expect((await heapUsed()) - before).toBeLessThan(full / 4)
    expect(deque.length).toBe(0)
  })
})

// A function of its own, so that no local variable keeps the object.
function pushNew(deque: RingDeque<object>, object: object): WeakRef<object> {
  deque.push(object)
  return new WeakRef(object)
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  // What a WeakRef was made for or read from stays until the present job is over.
  await new Promise<void>((resolve) => setImmediate(resolve))
  ;(runInNewContext('gc') as () => void)()
}

async function heapUsed(): Promise<number> {
  await collectGarbage()
  return process.memoryUsage().heapUsed
}
