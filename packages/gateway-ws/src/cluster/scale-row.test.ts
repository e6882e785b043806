import type { NodeActivity } from '@beamclaw/core'
import { expect, test } from 'vitest'
import { podDeletionCost, scaleRowOf } from './scale-row.ts'

test('runs decide which node is to go first; sessions in memory decide between nodes with as many', () => {
  const nodes = [
    [2, 0],
    [1, 90_000],
    [0, 5],
    [1, 3],
    [0, 0],
  ] as const
  const ordered = [...nodes].sort(([a, b], [c, d]) => podDeletionCost(a, b) - podDeletionCost(c, d))
  expect(ordered).toEqual([
    [0, 0],
    [0, 5],
    [1, 3],
    [1, 90_000],
    [2, 0],
  ])
})

test('the cost is one that Kubernetes takes, whatever there is to do', () => {
  expect(podDeletionCost(1_000_000, 1_000_000)).toBe(2 ** 31 - 1)
})

test('a node that does not say how many runs it has, or says nonsense, gets no false cost', () => {
  const node = { id: 'a', incarnation: 'a-1', isSelf: false, state: 'up' } as const
  const early: NodeActivity = { phase: 'running', sessions: 3, busySessions: 1, report: {} }
  expect(scaleRowOf(node, undefined)).toEqual({ id: 'a', state: 'up', load: 0, busy_sessions: 0 })
  expect(scaleRowOf({ ...node, load: 0.5, busySessions: 1 }, early)).toEqual({ id: 'a', state: 'up', load: 0.5, busy_sessions: 1 })
  const odd = { ...early, activeRuns: 'many' as never, waitingMessages: -4 }
  expect(scaleRowOf(node, odd)).toMatchObject({ runs_active: 0, runs_waiting: 0, pod_deletion_cost: 3 })
})
