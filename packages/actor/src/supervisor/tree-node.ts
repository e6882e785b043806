/** A supervision tree as data, for logs and dashboards. */
import type { Actor } from '../actor/actor.ts'
import type { ChildType } from './child-spec.ts'
import type { RestartType } from './restart-policy.ts'

export type ChildState = 'starting' | 'running' | 'stopped' | 'restarting'

/** One actor in a supervision tree. */
export interface TreeNode {
  readonly id: string
  readonly type: ChildType
  readonly state: ChildState
  /** The number of restarts. */
  readonly restarts: number
  /** Messages waiting. */
  readonly mailboxLength: number
  /** Absent for a worker. */
  readonly children?: readonly TreeNode[]
}

/** The number of children: `specs` in all, `active` running; the other two count specs by type, running or not. */
export interface ChildCounts {
  readonly specs: number
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}

/** One child, as `whichChildren` lists it. */
export interface ChildInfo {
  readonly id: string
  /** Undefined while it does not run. */
  readonly actor: Actor<never, unknown> | undefined
  readonly state: ChildState
  readonly type: ChildType
  readonly restart: RestartType
}
