/** Plays one recorded case on our supervisors and writes down what they do, in the words of the recording. */
import {
  Actor,
  type ActorContext,
  BeamClawError,
  type ChildSpec,
  ChildStartError,
  type ExitReason,
  IGNORE,
  Supervisor,
  type SupervisorOptions,
  silentLogger,
} from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'

export interface GoldenSpec {
  readonly id: string
  readonly restart?: ChildSpec['restart']
  readonly shutdownMs?: number | 'brutalKill' | 'infinity'
  readonly significant?: boolean
  readonly type?: 'worker' | 'supervisor'
  readonly init?: readonly ('ok' | 'error' | 'throw' | 'ignore')[]
  readonly onStop?: 'hang' | 'throw'
  readonly supervisor?: SupervisorOptions
  readonly children?: readonly GoldenSpec[]
}

export interface GoldenStep {
  readonly do: string
  readonly id?: string
  readonly reason?: string
  readonly at?: 'init' | 'terminate'
  readonly settle?: boolean
  readonly call?: string
  readonly spec?: GoldenSpec
  readonly in?: string
  readonly ms?: number
}

export interface GoldenCase {
  readonly name: string
  readonly supervisor: SupervisorOptions
  readonly children: readonly GoldenSpec[]
  readonly steps: readonly GoldenStep[]
  readonly trace: readonly string[]
  readonly final: unknown
}

interface Hold {
  isReached: boolean
  readonly released: PromiseWithResolvers<void>
}

/** What the driver and its children share. */
class Stage {
  readonly trace: string[] = []
  readonly live = new Map<string, Traced>()
  readonly supervisors = new Map<string, Supervisor>()
  readonly holds = new Map<string, Hold>()
  readonly inits = new Map<string, number>()

  reach(id: string, at: 'init' | 'terminate'): Promise<void> | undefined {
    const hold = this.holds.get(`${id}/${at}`)
    if (hold === undefined) return undefined
    hold.isReached = true
    return hold.released.promise
  }
}

class Traced extends Actor<{ readonly end: string }> {
  readonly #stage: Stage
  readonly #spec: GoldenSpec
  #endsItself = false

  constructor(stage: Stage, spec: GoldenSpec) {
    super({ id: spec.id })
    this.#stage = stage
    this.#spec = spec
  }

  protected override init(): void | typeof IGNORE | Promise<void | typeof IGNORE> {
    const { id, init = ['ok'] } = this.#spec
    const count = this.#stage.inits.get(id) ?? 0
    this.#stage.inits.set(id, count + 1)
    const outcome = init[Math.min(count, init.length - 1)] ?? 'ok'
    this.#stage.trace.push(outcome === 'ok' ? `start ${id}` : `start ${id} ${outcome}`)
    this.#stage.live.set(id, this)
    this.monitor(({ reason }) => this.#ended(reason, outcome === 'ok'))
    const finish = (): void | typeof IGNORE => {
      if (outcome === 'ignore') return IGNORE
      if (outcome !== 'ok') throw new Error(outcome)
    }
    const held = this.#stage.reach(id, 'init')
    return held === undefined ? finish() : held.then(finish)
  }

  protected override handle(message: { readonly end: string }, context: ActorContext): void {
    this.#endsItself = true
    if (message.end === 'crashed') throw new Error('crashed')
    context.stop(
      message.end === 'normal' ? { type: 'normal' } : message.end === 'shutdown' ? { type: 'shutdown' } : { type: 'shutdown', detail: 'x' },
    )
  }

  protected override async onStop(reason: ExitReason): Promise<void> {
    if (this.#endsItself) return
    this.#stage.trace.push(`stop ${this.#spec.id} ${reason.type}`)
    await this.#stage.reach(this.#spec.id, 'terminate')
    if (this.#spec.onStop === 'hang') await new Promise(() => {})
    if (this.#spec.onStop === 'throw') throw new Error('onStop')
  }

  endItself(reason: string): void {
    this.#stage.trace.push(`exit ${this.#spec.id} ${reason}`)
    this.#endsItself = true
    if (reason === 'killed') this.kill()
    else this.cast({ end: reason })
  }

  #ended(reason: ExitReason, wouldRun: boolean): void {
    if (this.#stage.live.get(this.#spec.id) === this) this.#stage.live.delete(this.#spec.id)
    // OTP waits for an init that is under way; ours gives it up, which shows only where it would have come up.
    if (reason.type === 'killed' && !this.#endsItself && wouldRun) this.#stage.trace.push(`killed ${this.#spec.id}`)
  }
}

class TracedSupervisor extends Supervisor {
  readonly #stage: Stage
  readonly #name: string

  constructor(stage: Stage, name: string, options: SupervisorOptions) {
    super(options)
    this.#stage = stage
    this.#name = name
  }

  protected override init(): void | Promise<void> {
    if (this.#name !== 'root') this.#stage.trace.push(`start ${this.#name}`)
    this.#stage.supervisors.set(this.#name, this)
    this.monitor(({ reason }) => {
      if (this.#stage.supervisors.get(this.#name) === this) this.#stage.supervisors.delete(this.#name)
      this.#stage.trace.push(`supervisor-exit ${this.#name} ${reasonWord(reason)}`)
    })
    return super.init()
  }
}

/** Erlang tells the log alone which child reached the limit of restarts; here the reason says it, too. */
function reasonWord(reason: ExitReason): string {
  if (reason.type === 'shutdown' && BeamClawError.isInstance(reason.detail, 'restart-limit')) return 'shutdown'
  return reason.type === 'shutdown' && reason.detail !== undefined ? 'shutdown-detail' : reason.type
}

/** Our spec for a recorded one. */
function toChildSpec(stage: Stage, spec: GoldenSpec): ChildSpec {
  const { id, restart, shutdownMs, significant, type } = spec
  return {
    id,
    start: () => (spec.supervisor === undefined ? new Traced(stage, spec) : supervisorFor(stage, id, spec.supervisor, spec.children ?? [])),
    ...(restart === undefined ? {} : { restart }),
    ...(shutdownMs === undefined ? {} : { shutdownMs: shutdownMs === 'brutalKill' ? 'kill' : shutdownMs }),
    ...(significant === undefined ? {} : { significant }),
    ...(type === undefined ? {} : { type }),
  }
}

function supervisorFor(stage: Stage, name: string, options: SupervisorOptions, children: readonly GoldenSpec[]): TracedSupervisor {
  return new TracedSupervisor(stage, name, { id: name, ...options, children: children.map((child) => toChildSpec(stage, child)) })
}

const words: Readonly<Record<string, string>> = {
  'child-already-started': 'already-started',
  'child-already-present': 'already-present',
  'child-not-found': 'not-found',
  'child-running': 'running',
  'child-restarting': 'restarting',
  'child-start-failed': 'start-failed',
  'child-start-timeout': 'start-failed',
  'actor-not-running': 'noproc',
  'actor-stopped': 'noproc',
  'actor-killed': 'noproc',
  'actor-crashed': 'noproc',
}

export async function play(
  golden: Omit<GoldenCase, 'trace' | 'final'>,
): Promise<{ readonly trace: readonly string[]; readonly final: unknown }> {
  const stage = new Stage()
  const clock = new ManualClock()
  const answers: Promise<string>[] = []
  const log = (line: string): void => void stage.trace.push(line)
  let root: Supervisor
  try {
    root = supervisorFor(stage, 'root', golden.supervisor, golden.children)
    const started = root.start({ clock, logger: silentLogger })
    started.catch(() => {})
    await restThrough(stage, clock)
    await started
    log('result start ok')
  } catch (error) {
    return failedStart(stage, error)
  }

  const settle = async (): Promise<void> => {
    await restThrough(stage, clock)
    if (stage.holds.size > 0) return
    for (const answer of answers.splice(0)) {
      const line = await answer
      if (line !== 'result stop') log(line)
    }
  }
  // Within a hold nothing settles; without one, the next step must find the tree at rest.
  const restUnlessHolding = (): Promise<void> => (stage.holds.size > 0 ? flushEventLoop() : restThrough(stage, clock))
  const call = async (name: string, step: GoldenStep): Promise<string> => {
    const target = step.in === undefined ? root : stage.supervisors.get(step.in)
    if (target === undefined) return `result ${name} noproc`
    try {
      return `result ${name} ${await answerOf(stage, target, name, step)}`.trimEnd()
    } catch (error) {
      if (!BeamClawError.isInstance(error)) throw error
      return `result ${name} ${words[error.code] ?? 'bad-spec'}`
    }
  }

  for (const step of golden.steps) {
    const key = `${step.id}/${step.at}`
    switch (step.do) {
      case 'exit': {
        const child = stage.live.get(step.id ?? '')
        if (child === undefined) log('result exit noproc')
        else endChild(stage, child, step)
        await (step.settle === false ? restUnlessHolding() : settle())
        break
      }
      case 'hold':
        stage.holds.set(key, { isReached: false, released: Promise.withResolvers() })
        break
      case 'awaitHeld':
        await awaitHeld(stage, clock, step)
        break
      case 'release':
        stage.holds.get(key)?.released.resolve()
        stage.holds.delete(key)
        break
      case 'send':
        // Told by its parent to stop, a supervisor gives no answer.
        if (step.call === 'stop') void root.stop()
        else answers.push(call(step.call ?? '', step))
        await restUnlessHolding()
        break
      case 'settle':
        await settle()
        break
      case 'wait':
        await clock.advance(step.ms ?? 0)
        break
      default:
        answers.push(call(step.do, step))
        await settle()
    }
  }
  return { trace: stage.trace, final: finalOf(stage, root) }
}

function endChild(stage: Stage, child: Traced, { id, reason = '' }: GoldenStep): void {
  child.endItself(reason)
  // A killed child is held no longer.
  if (reason === 'killed') for (const at of ['init', 'terminate']) stage.holds.delete(`${id}/${at}`)
}

/** Waits until the child is held, letting time pass; where the tree comes to rest without that, there is nothing to wait for. */
async function awaitHeld(stage: Stage, clock: ManualClock, { id, at }: GoldenStep): Promise<void> {
  const hold = stage.holds.get(`${id}/${at}`)
  await flushEventLoop()
  for (let next = clock.nextTimerInMs; hold?.isReached === false && next !== undefined; next = clock.nextTimerInMs)
    await clock.advance(next)
  if (hold?.isReached !== false) return
  stage.holds.delete(`${id}/${at}`)
  stage.trace.push(`not-held ${id} ${at}`)
}

async function answerOf(stage: Stage, target: Supervisor, name: string, step: GoldenStep): Promise<string> {
  const id = step.id ?? ''
  if (name !== 'stop' && !target.isAlive) return 'noproc'
  switch (name) {
    case 'startChild':
      return (await target.startChild(toChildSpec(stage, step.spec ?? { id: '' }))) === IGNORE ? 'ignored' : 'ok'
    case 'restartChild':
      return (await target.restartChild(id)) === IGNORE ? 'ignored' : 'ok'
    case 'terminateChild':
      await target.terminateChild(id)
      return 'ok'
    case 'deleteChild':
      await target.deleteChild(id)
      return 'ok'
    case 'whichChildren':
      return (await atItsTurn(target, () => target.whichChildren())).map((child) => `${child.id}:${child.state}`).join(' ')
    case 'countChildren':
      return Object.entries(await atItsTurn(target, () => target.countChildren()))
        .map(([what, count]) => `${what}:${count}`)
        .join(' ')
    case 'stop':
      if (!target.isAlive) return 'noproc'
      await target.stop()
      return ''
    default:
      throw new Error(`unknown step ${name}`)
  }
}

/** Ours answers at once; OTP's only between two steps, so that is when it is asked here. */
async function atItsTurn<T>(supervisor: Supervisor, read: () => T): Promise<T> {
  return (await supervisor.call(read, { timeoutMs: Number.POSITIVE_INFINITY })) as T
}

/** Starts a supervisor with children given at once or one by one; rejects with what it refuses. */
export async function startWith(options: SupervisorOptions, children: readonly GoldenSpec[], via: 'start' | 'startChild'): Promise<void> {
  const stage = new Stage()
  const specs = children.map((child) => rawSpec(stage, child))
  const supervisor = new Supervisor({ ...options, children: via === 'start' ? specs : [] })
  await using running = await supervisor.start({ logger: silentLogger })
  if (via === 'startChild') for (const spec of specs) await running.startChild(spec)
}

// Every field as it was recorded, also those that no type would let through.
function rawSpec(stage: Stage, child: GoldenSpec): ChildSpec {
  const { supervisor, children, init, onStop, ...fields } = child
  const spec = { ...fields, ...toChildSpec(stage, child) } as ChildSpec
  return (child as { start?: null }).start === null ? ({ ...spec, start: undefined } as unknown as ChildSpec) : spec
}

/** Waits until nothing moves, letting time pass where only time can help. */
async function restThrough(stage: Stage, clock: ManualClock): Promise<void> {
  await flushEventLoop()
  for (let next = clock.nextTimerInMs; stage.holds.size === 0 && next !== undefined; next = clock.nextTimerInMs) await clock.advance(next)
}

function failedStart(stage: Stage, error: unknown): { readonly trace: readonly string[]; readonly final: unknown } {
  // Ours refuses a bad spec before there is a supervisor; OTP starts one that crashes on it.
  if (!(error instanceof ChildStartError)) stage.trace.push('supervisor-exit root crashed')
  stage.trace.push(`result start ${startFailure(error)}`)
  return {
    trace: stage.trace,
    final: { children: [], count: null, supervisorExit: error instanceof ChildStartError ? 'shutdown-detail' : 'crashed' },
  }
}

function startFailure(error: unknown): string {
  if (BeamClawError.isInstance(error, 'child-spec-significant')) return 'bad-spec bad_combination'
  if (!(error instanceof ChildStartError)) return 'bad-spec'
  const cause =
    error.cause instanceof ChildStartError
      ? 'failed-to-start-child'
      : error.cause instanceof Error
        ? error.cause.message
        : String(error.cause)
  return `failed-to-start-child ${error.childId} ${cause}`
}

function finalOf(stage: Stage, root: Supervisor): unknown {
  const childrenOf = (supervisor: Supervisor): unknown[] =>
    supervisor.whichChildren().map(({ id, state }) => {
      const inner = stage.supervisors.get(id)
      return inner !== undefined && state === 'running' ? { id, state, children: childrenOf(inner) } : { id, state }
    })
  const { exitReason } = root
  if (exitReason !== undefined) return { children: [], count: null, supervisorExit: reasonWord(exitReason) }
  return { children: childrenOf(root), count: root.countChildren(), supervisorExit: null }
}
