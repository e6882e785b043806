/** The process above the workers: starts them, watches them, and carries what they say to each other. */
import { randomUUID } from 'node:crypto'
import { BeamClawError, type Clock, type Logger, type NodeRef, parseNodeId, SystemClock } from '@beamclaw/core'
import { definedOnly, describeError } from '@beamclaw/core/adapter'
import { type HeldDirectory, lockDirectory, nodeFileSystem } from '@beamclaw/store-fs'
import { type Connection, Hub } from './hub.ts'
import { checkWorkerParentOptions, countOf, type WorkerParentOptions, workerParentDefaults } from './parent-options.ts'
import { checkForWorkers, keepShards, prepareShards } from './shard-directory.ts'
import { markedName, shardCount } from './shards.ts'
import { finishSplit } from './split-finish.ts'
import { type WorkerEnd, WorkerProcess } from './worker-process.ts'

/**
 * Runs the workers of one data directory; has no session itself. The constructor throws `invalid-option`.
 *
 * Phases: `new → starting → running → stopping → stopped`, and `failed` when workers die faster than they may, or another process has taken the directory.
 * Owns the lock of the data directory from `starting` until the last worker has ended.
 * I1: the shards of a worker go to the others after its process has ended, and before they learn that it has left. I2: an unexpected end is
 * followed by another life of that worker, which gets shards when one of the others dies. I3: no worker outlives this object: `stop` waits for the last one.
 * I4: one parent has a directory at a time.
 *
 * @example
 * const parent = new WorkerParent({ path: './data', entry: new URL('worker.js', import.meta.url).pathname, workers: 4 })
 * await parent.start()
 * await parent.ended
 */
export class WorkerParent {
  /** Resolves after `stop`. Rejects `restart-limit` when more workers died in a short time than may; then none is left. */
  readonly ended: Promise<void>
  /** How many workers there are to be. */
  readonly count: number
  readonly #options: WorkerParentOptions
  readonly #hub: Hub
  readonly #clock: Clock
  readonly #logger: Logger | undefined
  readonly #running = new Map<string, WorkerProcess>()
  readonly #end = Promise.withResolvers<void>()
  /** When workers died, on the monotonic clock, the latest last. */
  #deaths: number[] = []
  #held: HeldDirectory | undefined
  #phase: 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed' = 'new'

  constructor(options: WorkerParentOptions) {
    checkWorkerParentOptions(options)
    this.#options = options
    this.#clock = options.clock ?? new SystemClock()
    this.#logger = options.logger
    this.count = countOf(options.workers ?? workerParentDefaults.workers)
    const { returnShardsAfterMs: settleMs } = { ...workerParentDefaults, ...definedOnly(options) }
    const setTimer: Clock['setTimer'] = (callback, delayMs) => this.#clock.setTimer(callback, delayMs)
    this.#hub = new Hub({ keep: keepShards(options.path), setTimer, settleMs, ...definedOnly({ logger: options.logger }) })
    this.ended = this.#end.promise
    // Without a listener the failure must not end the process before `stop` has.
    this.ended.catch(() => {})
  }

  /** The processes of the workers. */
  get pids(): readonly number[] {
    return [...this.#running.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  /**
   * Starts the workers, each with its part of the shards. Rejects `store-locked` for a directory that another parent has, or a process without workers,
   * `invalid-option` for one that is not for workers, and what the file system throws.
   */
  async start(): Promise<void> {
    if (this.#phase !== 'new') throw new BeamClawError('invalid-option', 'WorkerParent: it was started before')
    this.#phase = 'starting'
    const { path } = this.#options
    const { lockWaitMs } = { ...workerParentDefaults, ...definedOnly(this.#options) }
    try {
      checkForWorkers(path)
      this.#held = await lockDirectory({ path, waitMs: lockWaitMs, onLost: () => void this.#fail(lost(path)) })
      // A split that was interrupted may have more to do, which is for its owner alone.
      await finishSplit(nodeFileSystem, path)
      prepareShards(path)
    } catch (error) {
      await this.#free()
      if (this.#phase === 'starting') this.#phase = 'new'
      throw error
    }
    // It was stopped, or has lost the lock, while it was being started.
    if (this.#phase !== 'starting') return await this.#free()
    this.#phase = 'running'
    this.#startAll(Array.from({ length: this.count }, (_, index) => index))
  }

  /** Asks the workers to end as `signal` does, and resolves once they have; after `timeoutMs` it ends them. Idempotent. */
  async stop({
    signal = 'SIGTERM',
    timeoutMs = 60_000,
  }: {
    readonly signal?: NodeJS.Signals
    readonly timeoutMs?: number
  } = {}): Promise<void> {
    if (this.#phase === 'new' || this.#phase === 'stopped') return await this.#finish()
    if (this.#phase === 'starting' || this.#phase === 'running') this.#phase = 'stopping'
    this.#hub.stop()
    const timer = this.#clock.setTimer(() => this.#killAll('SIGKILL'), timeoutMs)
    this.#killAll(signal)
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
    timer.cancel()
    await this.#finish()
  }

  async #finish(): Promise<void> {
    if (this.#phase !== 'failed') this.#phase = 'stopped'
    await this.#free()
    this.#end.resolve()
  }

  /** Gives the lock of the directory up. */
  async #free(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    await held?.release().catch((error: unknown) => {
      this.#logger?.log('warn', 'workers.lock-not-released', { problem: describeError(error) })
    })
  }

  #killAll(signal: NodeJS.Signals): void {
    for (const worker of this.#running.values()) worker.kill(signal)
  }

  #startAll(indexes: readonly number[]): void {
    const { entry } = this.#options
    const { args, execArgv, environment } = { ...workerParentDefaults, ...definedOnly(this.#options) }
    const started = indexes.map((index) => {
      const ref = refOf(index)
      const options = { ref, entry, args, execArgv: execArgv ?? process.execArgv, environment: { ...process.env, ...environment } }
      return { index, process: new WorkerProcess(options) }
    })
    const connections = this.#hub.connect(started.map(({ process: { ref, line } }) => ({ ref, line })))
    for (const [at, { index, process }] of started.entries()) this.#follow(index, process, connections[at] as Connection)
  }

  #follow(index: number, worker: WorkerProcess, connection: Connection): void {
    const { silentMs } = { ...workerParentDefaults, ...definedOnly(this.#options) }
    const { ref } = worker
    this.#running.set(ref.incarnation, worker)
    worker.line.listen(
      (message) => {
        worker.heard()
        connection.hear(message)
      },
      // What counts is the end of the process: it has its locks until then.
      () => {},
    )
    const onSilent = (): void => this.#logger?.log('error', 'workers.silent', { worker: ref.id, forMs: silentMs })
    worker.watch((callback, delayMs) => this.#clock.setTimer(callback, delayMs), silentMs, onSilent)
    void worker.ended.then((end) => {
      this.#running.delete(ref.incarnation)
      connection.ended()
      this.#died(index, ref, end)
    })
  }

  #died(index: number, ref: NodeRef, end: WorkerEnd): void {
    if (this.#phase !== 'running') return
    const { maxRestarts, withinMs, backoffMs } = { ...workerParentDefaults, ...definedOnly(this.#options) }
    const now = this.#clock.monotonic()
    this.#deaths = [...this.#deaths.filter((at) => now - at < withinMs), now]
    if (this.#deaths.length > maxRestarts) return void this.#fail(this.#tooManyDeaths(end))
    const inMs = backoffMs * 2 ** (this.#deaths.length - 1)
    this.#logger?.log('error', 'workers.died', { worker: ref.id, with: String(end), restartInMs: inMs })
    this.#clock.setTimer(() => {
      if (this.#phase === 'running') this.#startAll([index])
    }, inMs)
  }

  #tooManyDeaths(end: WorkerEnd): BeamClawError {
    const { maxRestarts, withinMs } = { ...workerParentDefaults, ...definedOnly(this.#options) }
    const problem = `More than ${maxRestarts} workers died within ${withinMs} ms, the last one with ${end}; what they logged says why`
    return new BeamClawError('restart-limit', problem)
  }

  async #fail(error: BeamClawError): Promise<void> {
    if (this.#phase === 'failed' || this.#phase === 'stopped') return
    this.#phase = 'failed'
    this.#end.reject(error)
    this.#logger?.log('error', 'workers.gave-up', { problem: error.message })
    await this.stop()
  }
}

function lost(path: string): BeamClawError {
  return new BeamClawError('store-locked', `Another process has taken ${path} while this one stood still, or its lock file was deleted`)
}

/** Returns a new life of a worker. Its name says the shard for its list of busy sessions: one that it is dealt at the first start. */
function refOf(index: number): NodeRef {
  const id = parseNodeId(`worker-${index + 1}`)
  return { id, incarnation: markedName(`${id}-${randomUUID().slice(0, 8)}`, index % shardCount) }
}
