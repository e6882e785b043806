/** A supervision tree as data, for people and dashboards. */
import type { Actor } from '../actor/actor.ts'
import type { ChildType } from './child-spec.ts'
import type { RestartType } from './restart-policy.ts'

export type ChildState = 'starting' | 'running' | 'stopped' | 'restarting'

export interface TreeNode {
  readonly id: string
  readonly type: ChildType
  readonly state: ChildState
  /** How often it was started again. */
  readonly restarts: number
  /** Messages waiting. */
  readonly mailboxLength: number
  /** Absent for a worker. */
  readonly children?: readonly TreeNode[]
}

/** How many children there are: `specs` in all, `active` running; the other two count specs by type, running or not. */
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
