/**
 * The branch of the tree that holds a host's parts. A part that crashes again and again is started at longer and longer intervals; it takes down the parts
 * after it, and nothing above them.
 */
import { type Actor, type ChildSpec, Supervisor } from '@beamclaw/actor'
import { childOf, type Part, type PartHost } from './part.ts'

/** Id of the branch, below a tenant or the root. */
export const partsId = 'parts'

/** About a dozen restarts in a minute: the limit is beyond what one failing part can reach. */
const restarts = { backoff: { minMs: 100, maxMs: 30_000 }, maxRestarts: 100, withinMs: 60_000 } as const

/** Returns the child specs of the branch: none where there are no parts. */
export function partsBranch(parts: readonly Part[], host: PartHost | undefined): readonly ChildSpec[] {
  if (parts.length === 0 || host === undefined) return []
  const start = (): Supervisor =>
    new Supervisor({ id: partsId, strategy: 'restForOne', ...restarts, children: parts.map((part) => childOf(part, host)) })
  return [{ id: partsId, type: 'supervisor', start }]
}

/** Returns the running actor of a part, whether it is a child of this supervisor or in its branch of parts; undefined while it does not run. */
export function partBelow(supervisor: Supervisor, id: string): Actor<never, unknown> | undefined {
  const branch = supervisor.child(partsId)
  return supervisor.child(id) ?? (branch instanceof Supervisor ? branch.child(id) : undefined)
}
