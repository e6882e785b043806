import type { NodeRef } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { type BalancedWorker, nextMove } from './shard-balance.ts'
import { allShards } from './shards.ts'

const ref = (id: string, mark = 0): NodeRef => ({ id: id as NodeRef['id'], incarnation: `${id}-s0${mark}` })
const [a, b, c] = [ref('a', 0), ref('b', 1), ref('c', 2)] as const
const worker = (one: NodeRef, more: Partial<BalancedWorker> = {}): BalancedWorker => ({ ref: one, state: 'up', isSettled: true, ...more })

/** Makes all moves; returns how many shards each worker has then, and the order in which they moved. */
function settled(owners: readonly (NodeRef | null)[], workers: readonly BalancedWorker[]) {
  let now = [...owners]
  const order: number[] = []
  for (let move = nextMove(now, workers); move !== undefined && order.length < 50; move = nextMove(now, workers)) {
    const { shard, to } = move
    now = now.map((owner, index) => (index === shard ? to : owner))
    order.push(shard)
  }
  const counts = Object.fromEntries(workers.map(({ ref: { id } }) => [id, now.filter((owner) => owner?.id === id).length]))
  return { counts, order }
}

const all = (owner: NodeRef): readonly NodeRef[] => allShards.map(() => owner)

describe('nextMove', () => {
  test('evens out to within one shard, and moves no more than that takes', () => {
    expect(settled(all(a), [worker(a), worker(b)])).toMatchObject({ counts: { a: 8, b: 8 }, order: { length: 8 } })
    expect(settled(all(a), [worker(a), worker(b), worker(c)]).counts).toEqual({ a: 6, b: 5, c: 5 })
    const even = allShards.map((shard) => (shard % 2 === 0 ? a : b))
    expect(settled(even, [worker(a), worker(b)]).order).toEqual([])
  })

  test('gives nothing to a worker that has not stood long enough', () => {
    expect(nextMove(all(a), [worker(a), worker(b, { isSettled: false })])).toBeUndefined()
  })

  test('empties a worker that drains, also into workers that have just begun, and then leaves it empty', () => {
    const { counts } = settled(all(a), [worker(a, { state: 'draining' }), worker(b, { isSettled: false }), worker(c)])
    expect(counts).toEqual({ a: 0, b: 8, c: 8 })
  })

  test('moves nothing while all drain', () => {
    expect(nextMove(all(a), [worker(a, { state: 'draining' }), worker(b, { state: 'draining' })])).toBeUndefined()
  })

  test('leaves a worker the shard that its own list is in', () => {
    const marked = ref('d', 9)
    expect(settled(all(marked), [worker(marked), worker(b)]).order).not.toContain(9)
  })
})
