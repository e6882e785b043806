/** Which children restart together. */
import type { Child } from './child.ts'
import type { RestartStrategy } from './supervisor-options.ts'

/** Returns the children that are restarted with `child`, itself included, in start order. */
export function affectedBy(child: Child, children: ReadonlyMap<string, Child>, strategy: RestartStrategy): Child[] {
  if (strategy === 'oneForOne') return [child]
  const all = [...children.values()]
  return strategy === 'oneForAll' ? all : all.slice(all.indexOf(child))
}
