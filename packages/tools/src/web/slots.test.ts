// A few at a time, in order, and no slot is lost to a failure or an abort.
import { expect, it } from 'vitest'
import { Slots } from './slots.ts'

const signal = new AbortController().signal

interface Held {
  readonly done: Promise<unknown>
  readonly end: () => void
  readonly fail: (error: Error) => void
}

function hold(slots: Slots, begun: string[], name: string, by: AbortSignal = signal): Held {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const done = slots.run(by, () => {
    begun.push(name)
    return promise
  })
  done.catch(() => {})
  return { done, end: resolve, fail: reject }
}

const settle = async (): Promise<void> => {
  for (let round = 0; round < 10; round++) await Promise.resolve()
}

it('runs as many as it has slots, then the others in order', async () => {
  const [slots, begun] = [new Slots(2), [] as string[]]
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => hold(slots, begun, name))
  await settle()
  expect(begun).toEqual(['a', 'b'])
  b?.fail(new Error('broken'))
  await expect(b?.done).rejects.toThrow('broken')
  await settle()
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const one of [a, c]) one?.end()
  await settle()
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  d?.end()
  await d?.done
})

it('gives up what waits with its signal, and what is handed over at that moment runs', async () => {
  const [slots, begun] = [new Slots(1), [] as string[]]
  const [waits, late] = [new AbortController(), new AbortController()]
  const first = hold(slots, begun, 'first')
  const second = hold(slots, begun, 'second', waits.signal)
  const third = hold(slots, begun, 'third', late.signal)
  await settle()
  const reason = new Error('enough')
  waits.abort(reason)
  await expect(second.done).rejects.toBe(reason)
  first.end()
  await settle()
  late.abort(reason)
  expect(begun).toEqual(['first', 'third'])
  third.end()
  await third.done
  const last = hold(slots, begun, 'last')
  await settle()
  expect(begun.at(-1)).toBe('last')
  last.end()
  await expect(slots.run(AbortSignal.abort(reason), async () => {})).rejects.toBe(reason)
})
