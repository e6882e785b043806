import { expect, test } from 'vitest'
import { TurnQueue } from './turn-queue.ts'

test('one piece begins in each turn, in order, and one alone begins at once', async () => {
  const turns: (() => void)[] = []
  const queue = new TurnQueue({ yieldTo: (callback) => void turns.push(callback) })
  const begun: number[] = []
  const piece = async (number: number): Promise<void> => {
    await queue.next()
    begun.push(number)
  }
  const turn = async (): Promise<void> => {
    turns.shift()?.()
    for (let round = 0; round < 5; round++) await Promise.resolve()
  }
  expect(queue.next()).toBeUndefined()
  const all = [piece(1), piece(2), piece(3)]
  await Promise.resolve()
  expect(begun).toEqual([])
  await turn()
  expect(begun).toEqual([1])
  await turn()
  expect(begun).toEqual([1, 2])
  await turn()
  await Promise.all(all)
  expect(begun).toEqual([1, 2, 3])
  // The turn of the last one is over, and nothing is pending for ever.
  await turn()
  expect([turns.length, queue.next()]).toEqual([0, undefined])
})
