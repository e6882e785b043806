/** Random trees: what is supervised, how, and with which options. */
import type { Random, RestartBackoff, RestartStrategy, RestartType, ShutdownPolicy } from '@beamclaw/core'
import { integerBetween, pickOne } from '../../seeded-random.ts'

export interface NodePlan {
  readonly name: string
  readonly kind: 'worker' | 'supervisor' | 'dynamic' | 'tasks'
  readonly restart: RestartType
  readonly shutdownMs: ShutdownPolicy
  readonly startTimeoutMs: number
  /** The factory takes a while. */
  readonly isMadeSlowly: boolean
  readonly passivateAfterMs: number
  readonly maxSize: number
  readonly strategy: RestartStrategy
  readonly maxRestarts: number
  readonly withinMs: number
  readonly backoff: RestartBackoff | undefined
  readonly children: readonly NodePlan[]
  /** Of a task supervisor: how many tasks run, how many wait, and how long it lets them end. */
  readonly maxChildren: number
  readonly maxWaiting: number
  readonly graceMs: number
}

/** Plans a worker, or a tree of at most `depth` levels of supervisors. */
function planNode(random: Random, nextName: (prefix: string) => string, depth: number): NodePlan {
  const leaf = random.next() < 0.2 ? 'tasks' : 'worker'
  const kind = depth === 0 || random.next() < 0.45 ? leaf : random.next() < 0.65 ? 'supervisor' : 'dynamic'
  return planKind(random, nextName, kind, depth)
}

export function planKind(random: Random, nextName: (prefix: string) => string, kind: NodePlan['kind'], depth: number): NodePlan {
  const name = nextName({ worker: 'w', supervisor: 's', dynamic: 'd', tasks: 'ts' }[kind])
  const children = kind === 'supervisor' ? integerBetween(random, 0, 4) : 0
  return {
    name,
    kind,
    restart: pickOne(random, ['permanent', 'permanent', 'transient', 'temporary'] as const),
    shutdownMs: kind === 'worker' ? pickOne(random, [5_000, 50, 400, 0, 'kill'] as const) : 'infinity',
    startTimeoutMs: kind === 'worker' ? pickOne(random, [30_000, 30_000, 200]) : Number.POSITIVE_INFINITY,
    isMadeSlowly: random.next() < 0.1,
    passivateAfterMs: kind === 'worker' ? pickOne(random, [0, 0, 30, 300, 10_000_000]) : 0,
    maxSize: pickOne(random, [1_000, 1_000, 3]),
    strategy: pickOne(random, ['oneForOne', 'restForOne', 'oneForAll'] as const),
    maxRestarts: pickOne(random, [0, 1, 3, 10]),
    withinMs: pickOne(random, [100, 5_000]),
    backoff: random.next() < 0.4 ? { minMs: 20, maxMs: 200 } : undefined,
    maxChildren: pickOne(random, [1, 2, 1_000]),
    maxWaiting: pickOne(random, [0, 2, 1_000]),
    graceMs: pickOne(random, [0, 50, 5_000]),
    children: Array.from({ length: children }, () => planNode(random, nextName, depth - 1)),
  }
}
