/** A node as a scaler reads it. Pure. */
import type { NodeActivity } from '@beamclaw/core'
import type { NodeRow } from '@beamclaw/protocol'
import { whole } from './whole.ts'

/** The names are those of the response of `GET /v1/cluster/scale`. */
export interface ScaleRow {
  readonly id: string
  readonly state: NodeRow['state']
  readonly load: number
  readonly busy_sessions: number
  /** Absent for a node that does not say, because it is of an earlier version or did not answer. */
  readonly runs_active?: number
  readonly runs_waiting?: number
  /** For `controller.kubernetes.io/pod-deletion-cost`; absent with them. */
  readonly pod_deletion_cost?: number
}

/** Runs count first; sessions in memory decide between nodes with as many. */
const costOfRun = 10_000

/** The largest cost that Kubernetes takes. */
const mostCost = 2_147_483_647

export function scaleRowOf({ id, state, load = 0, busySessions = 0 }: NodeRow, activity: NodeActivity | undefined): ScaleRow {
  const row = { id, state, load, busy_sessions: busySessions }
  if (activity?.activeRuns === undefined) return row
  const [runs, waiting] = [whole(activity.activeRuns), whole(activity.waitingMessages)]
  return { ...row, runs_active: runs, runs_waiting: waiting, pod_deletion_cost: podDeletionCost(runs, whole(activity.sessions)) }
}

/**
 * Returns what it costs to end a node: the one with the lowest cost is to go first.
 *
 * @example
 * podDeletionCost(2, 140) // 20140
 */
export function podDeletionCost(runs: number, sessions: number): number {
  return Math.min(mostCost, runs * costOfRun + Math.min(sessions, costOfRun - 1))
}
