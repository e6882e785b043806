/** The options of a `WorkerParent`, their defaults and their rules. */
import { availableParallelism } from 'node:os'
import type { Clock, Logger } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { anArray, anObject, checkOptions, describeValue, duration, integer, type OptionRule, text } from '@beamclaw/core/adapter'

/** Options of `WorkerParent`. Times are in milliseconds. */
export interface WorkerParentOptions {
  /** The data directory, which the shards are folders of. */
  readonly path: string
  /** The module that each worker runs. */
  readonly entry: string
  /** How many, 1 to 128; `auto` leaves a core to the rest of the machine. @default 'auto' */
  readonly workers?: number | 'auto'
  /** Arguments of each worker. @default [] */
  readonly args?: readonly string[]
  /** Arguments of Node itself. @default those of this process */
  readonly execArgv?: readonly string[]
  /** Variables for each worker, besides those of this process. @default {} */
  readonly environment?: Readonly<Record<string, string>>
  /** Milliseconds to wait for another process that has the data directory. @default 0 */
  readonly lockWaitMs?: number
  /** A worker that says nothing for so long is ended with SIGKILL. @default 10000 */
  readonly silentMs?: number
  /** The parent gives up when more workers than this have died within `withinMs`. @default 3 */
  readonly maxRestarts?: number
  /** @default 5000 */
  readonly withinMs?: number
  /** Milliseconds before a worker is started again; doubled with each death within `withinMs`. @default 100 */
  readonly backoffMs?: number
  /** Milliseconds that a worker has stood, after a restart for example, before it gets shards of the others. @default 30000 */
  readonly returnShardsAfterMs?: number
  readonly logger?: Logger
  readonly clock?: Clock
}

/** Defaults for `WorkerParentOptions`. */
export const workerParentDefaults = {
  workers: 'auto',
  args: [],
  environment: {},
  lockWaitMs: 0,
  silentMs: 10_000,
  maxRestarts: 3,
  withinMs: 5_000,
  backoffMs: 100,
  returnShardsAfterMs: 30_000,
} as const satisfies Partial<WorkerParentOptions>

/** Most workers of one parent. */
export const mostWorkers = 128

const aCount: OptionRule = (value) =>
  value === 'auto' || integer(1, mostWorkers)(value) === undefined ? undefined : `a whole number from 1 to ${mostWorkers}, or "auto"`

/** Throws `invalid-option`. */
export function checkWorkerParentOptions(options: WorkerParentOptions): void {
  const { workers } = options
  const problem = workers === undefined ? undefined : aCount(workers)
  if (problem !== undefined)
    throw new BeamClawError('invalid-option', `WorkerParent: "workers" must be ${problem}, received ${describeValue(workers)}`)
  checkOptions<WorkerParentOptions>(
    'WorkerParent',
    options,
    {
      path: text(4_096),
      entry: text(4_096),
      workers: aCount,
      args: anArray,
      execArgv: anArray,
      environment: anObject,
      lockWaitMs: integer(0),
      silentMs: duration(100),
      maxRestarts: integer(0),
      withinMs: duration(),
      backoffMs: duration(),
      returnShardsAfterMs: duration(),
      logger: anObject,
      clock: anObject,
    } as const,
    ['path', 'entry'],
  )
}

/** Returns how many workers there are to be. */
export function countOf(workers: number | 'auto'): number {
  return workers === 'auto' ? Math.min(mostWorkers, Math.max(1, availableParallelism() - 1)) : workers
}
