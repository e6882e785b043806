import { describe, expect, test } from 'vitest'
import type { NodeId } from '../base/ids.ts'
import type { Member, MemberState } from '../ports/cluster.ts'
import { chance } from '../testing/chance.ts'
import { rebalancePlan, roomFor } from './rebalance-plan.ts'

interface Given {
  readonly load: number
  readonly state?: MemberState
  readonly records?: readonly [number, number]
}

/** Nodes `n0`, `n1`, …; the first one is that which decides. */
function members(...nodes: readonly (number | Given)[]): readonly Member[] {
  return nodes.map((given, index) => {
    const { load, state = 'up', records = [1, 1] } = typeof given === 'number' ? { load: given } : given
    return { id: `n${index}` as NodeId, incarnation: `life-${index}`, state, load, wire: [1, 1], records }
  })
}

const self = { id: 'n0' as NodeId, incarnation: 'life-0' }

function planOf(nodes: readonly Member[], resting: number): readonly [to: string, count: number] | undefined {
  const plan = rebalancePlan({ self, members: nodes, resting })
  return plan && [plan.to.id, plan.count]
}

describe('a node gives sessions', () => {
  test.each<[string, readonly Member[], number, ReturnType<typeof planOf>]>([
    ['two of a hundred, to the one that has least to do', members(120, 50, 10), 100, ['n2', 2]],
    ['at least one', members(120, 10), 3, ['n1', 1]],
    ['none without one at rest', members(300, 10), 0, undefined],
    ['none to a cluster that has as much to do', members(120, 100, 110), 100, undefined],
    ['none of a load that is a quarter above the mean', members(1_000, 600), 900, undefined],
    ['none between nodes that have little to do', members(38, 0), 38, undefined],
    ['once the difference counts', members(40, 0), 38, ['n1', 1]],
    ['none when it is alone', members(500), 400, undefined],
    ['none while another node drains', members(500, 10, { load: 3, state: 'draining' }), 400, undefined],
    ['none while it drains itself', members({ load: 500, state: 'draining' }, 10), 400, undefined],
    ['none to a node of another version', members(500, { load: 0, records: [1, 2] }, 90), 400, ['n2', 8]],
    ['none when each other one is of another version', members(500, { load: 0, records: [2, 2] }), 400, undefined],
    ['none when it is no member', members(500, 10).slice(1), 400, undefined],
    ['no more than evens the two out, of many that are light', members(40, 0), 5_000, ['n1', 20]],
    ['to the first of equals by name', members(500, 10, 10), 50, ['n1', 1]],
  ])('%s', (_, nodes, resting, expected) => {
    expect(planOf(nodes, resting)).toEqual(expected)
  })
})

test('whatever the loads are, a round moves one of fifty or one, and makes no node busier than the one that gives', () => {
  const next = chance(7)
  const upTo = (limit: number): number => Math.floor(next() * limit)
  let given = 0
  for (let round = 0; round < 20_000; round++) {
    const scale = 10 ** upTo(5)
    const nodes = members(...Array.from({ length: 1 + upTo(6) }, () => ({ load: upTo(scale), state: 'up' as const })))
    const [own, ...others] = nodes
    const resting = upTo((own?.load ?? 0) + 1)
    const plan = rebalancePlan({ self, members: nodes, resting })
    if (plan === undefined) continue
    given++
    const mean = nodes.reduce((sum, { load }) => sum + load, 0) / nodes.length
    expect(plan.count).toBeGreaterThanOrEqual(1)
    expect(plan.count).toBeLessThanOrEqual(Math.max(1, resting / 50))
    expect(own?.load).toBeGreaterThan(1.25 * mean)
    expect(plan.to.load).toBe(Math.min(...others.map(({ load }) => load)))
    expect(plan.to.load + plan.count).toBeLessThanOrEqual((own?.load ?? 0) - plan.count)
  }
  expect(given).toBeGreaterThan(1_000)
})

test('rounds come to an end: nodes that give to each other do not give for ever', () => {
  const next = chance(11)
  for (let round = 0; round < 200; round++) {
    const loads = Array.from({ length: 2 + Math.floor(next() * 5) }, () => Math.floor(next() * 2_000))
    const sum = loads.reduce((total, load) => total + load, 0)
    let minutes = 0
    for (let isMoving = true; isMoving; minutes++) {
      isMoving = false
      for (const [giver, load] of loads.entries()) {
        const nodes = members(...loads)
        const plan = rebalancePlan({ self: nodes[giver] as Member, members: nodes, resting: load })
        if (plan === undefined) continue
        isMoving = true
        const taker = Number(plan.to.id.slice(1))
        loads[giver] = (loads[giver] ?? 0) - plan.count
        loads[taker] = (loads[taker] ?? 0) + plan.count
      }
      expect(minutes).toBeLessThan(2_000)
    }
    expect(Math.max(...loads)).toBeLessThanOrEqual(Math.max(1.25 * (sum / loads.length), sum / loads.length + 20))
  }
})

test('a node takes half of the difference at most', () => {
  expect([roomFor(0, 10), roomFor(3, 10), roomFor(10, 10), roomFor(50, 10)]).toEqual([5, 3, 0, 0])
})
