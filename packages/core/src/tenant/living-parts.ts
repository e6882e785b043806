/** Tells which part of a tree that was told to stop has not ended. */
import { Supervisor } from '@beamclaw/actor'

/** A child as it was when the stop began: a supervisor does not know a child any more that it has told to stop. */
interface Living {
  readonly id: string
  readonly actor: { readonly isAlive: boolean }
  /** In the order of their start. */
  readonly below: readonly Living[]
}

/** Returns a function that names the part for which the stop of the tree waits, `tenants/default/parts/metrics`; undefined when all have ended. */
export function livingParts(root: Supervisor): () => string | undefined {
  const top: Living = { id: root.id, actor: root, below: childrenOf(root) }
  return () => {
    const path: string[] = []
    // Children stop in the reverse order of their start, one after the other: the last one that is alive is the one that is waited for.
    for (let living: Living | undefined = top; living?.actor.isAlive; living = living.below.findLast(({ actor }) => actor.isAlive))
      path.push(living.id)
    return path.length === 0 ? undefined : path.slice(1).join('/') || top.id
  }
}

function childrenOf(supervisor: Supervisor): readonly Living[] {
  return (
    supervisor.tree().children?.flatMap(({ id }) => {
      const actor = supervisor.child(id)
      return actor === undefined ? [] : [{ id, actor, below: actor instanceof Supervisor ? childrenOf(actor) : [] }]
    }) ?? []
  )
}
