/** Describes the children of a supervisor as data. */
import type { Child } from './child.ts'
import type { AnyActor } from './supervised.ts'
import type { ChildCounts, ChildInfo, TreeNode } from './tree-node.ts'

/** Returns the entries of `whichChildren`. */
export function infosOf(children: Iterable<Child>): ChildInfo[] {
  return Array.from(children, ({ id, actor, state, type, restart }) => ({
    id,
    actor: actor?.isAlive === true ? actor : undefined,
    state,
    type,
    restart,
  }))
}

/** Returns the number of children by state and type. */
export function countOf(children: Iterable<Child>): ChildCounts {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 }
  for (const child of children) {
    counts.specs++
    if (child.state === 'running' && child.actor?.isAlive === true) counts.active++
    if (child.type === 'supervisor') counts.supervisors++
    else counts.workers++
  }
  return counts
}

/** Returns the node of a supervisor at the root of a tree. */
export function supervisorNode(supervisor: AnyActor, children: readonly TreeNode[]): TreeNode {
  return {
    id: supervisor.id,
    type: 'supervisor',
    state: supervisor.isAlive ? 'running' : 'stopped',
    restarts: supervisor.generation - 1,
    mailboxLength: supervisor.inspect().mailboxLength,
    children,
  }
}
