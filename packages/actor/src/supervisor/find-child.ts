/** Finds a child by its id, and checks that it is stopped. */
import type { Child } from './child.ts'
import { childError } from './child-failures.ts'

/** Returns the child with this id. Throws `child-not-found`. */
export function findChild(children: ReadonlyMap<string, Child>, id: string): Child {
  const child = children.get(id)
  if (child === undefined) throw childError('child-not-found', id, 'is not a child of this supervisor')
  return child
}

/** Returns the stopped child with this id. Throws `child-not-found`, `child-running` or `child-restarting`. */
export function findStoppedChild(children: ReadonlyMap<string, Child>, id: string): Child {
  const child = findChild(children, id)
  if (child.state === 'running') throw childError('child-running', id, 'is running; terminate it first')
  if (child.state === 'restarting') throw childError('child-restarting', id, 'is being restarted; terminate it first')
  return child
}
