/** One BeamClaw of a process, started on first use. */

import { describeValue, guardedRead, maxTimerMs } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { BeamClaw } from '../beamclaw.ts'
import { type RunningBeamClaw, stopDefaults } from '../running-beamclaw.ts'

/** Returns a new BeamClaw, without starting it. */
export type MakeBeamClaw = () => BeamClaw | Promise<BeamClaw>

type Phase =
  | { readonly is: 'idle' /** The predecessor's end, which a start waits for. */; readonly after: Ending | undefined }
  | { readonly is: 'starting'; readonly started: Promise<RunningBeamClaw>; readonly claw: BeamClaw }
  | { readonly is: 'running'; readonly running: RunningBeamClaw /** Where its agents come from. */; readonly agentsOf: MakeBeamClaw }
  | { readonly is: 'stopped'; readonly ending: Ending }

/** The stop of a tree. */
interface Ending {
  /** As the first call asked for it. */
  readonly done: Promise<void>
  /** Waits for the same stop, at most so many milliseconds. */
  readonly within: (timeoutMs: number) => Promise<void>
}

/**
 * Phases: `idle → starting → running → idle | stopped`, and `stopped → idle` by `renew`.
 *
 * Owns the tree from its start until it has stopped.
 * - I1: at most one tree is running or starting; a start waits until the tree before it has stopped and released its store.
 * - I2: a tree that `get` resolves with has the agents of the latest `renew` before the call.
 * - I3: after `stop` nothing starts until the next `renew`; a start under way is stopped too.
 * - I4: a `make` that throws or hangs changes no phase: a running tree keeps running, and `stop` does not wait for `make`.
 */
export class EmbeddedInstance {
  readonly #name: string
  #make: MakeBeamClaw
  #phase: Phase = { is: 'idle', after: undefined }
  #pending: Promise<RunningBeamClaw> | undefined

  constructor(name: string, make: MakeBeamClaw) {
    this.#name = name
    this.#make = make
  }

  /** Replaces `make`; the tree has its agents from the next `get` on. After `stop`, allows a new tree to start. */
  renew(make: MakeBeamClaw): void {
    this.#make = make
    // Later calls must not join one that may have read the old `#make`.
    this.#pending = undefined
    if (this.#phase.is === 'stopped') this.#phase = { is: 'idle', after: this.#phase.ending }
  }

  /** Resolves with the running tree; starts one when there is none. Rejects with the error of `make` or of the start. */
  get(): Promise<RunningBeamClaw> {
    if (this.#pending !== undefined) return this.#pending
    const pending = this.#reach().finally(() => {
      if (this.#pending === pending) this.#pending = undefined
    })
    this.#pending = pending
    return pending
  }

  /** Stops the tree. Rejects with its first failure, and `stop-timeout`. */
  stop(timeoutMs: number): Promise<void> {
    const phase = this.#phase
    if (phase.is === 'stopped') return phase.ending.within(timeoutMs)
    const ending = endingOf((limit) => endOf(phase, limit), timeoutMs)
    this.#phase = { is: 'stopped', ending }
    return ending.done
  }

  async #reach(): Promise<RunningBeamClaw> {
    for (;;) {
      const running = await this.#step(this.#phase)
      if (running !== undefined) return running
    }
  }

  /** Advances by one phase; resolves with the tree once it is running and has the latest agents. */
  async #step(phase: Phase): Promise<RunningBeamClaw | undefined> {
    switch (phase.is) {
      case 'idle':
        await phase.after?.done.catch(() => {})
        return this.#start(phase)
      case 'starting':
        await phase.started
        return undefined
      case 'running': {
        const { running } = phase
        if (running.isRunning) return this.#withLatestAgents(phase)
        // The tree has ended by itself; `stop` releases its store.
        this.#phase = { is: 'idle', after: endingOf((timeoutMs) => running.stop({ timeoutMs }), stopDefaults.timeoutMs) }
        return undefined
      }
      case 'stopped':
        throw new BeamClawError('actor-not-running', `The BeamClaw "${this.#name}" was stopped, since the program is about to end`)
    }
  }

  async #start(phase: Phase): Promise<undefined> {
    const make = this.#make
    const claw = await this.#made(make)
    if (this.#phase !== phase) return
    const started = claw.start()
    const starting: Phase = { is: 'starting', started, claw }
    this.#phase = starting
    let next: Phase = { is: 'idle', after: undefined }
    try {
      next = { is: 'running', running: await started, agentsOf: make }
    } catch (error) {
      // The next attempt makes another one.
      await claw.release().catch(() => {})
      throw error
    } finally {
      if (this.#phase === starting) this.#phase = next
    }
  }

  async #withLatestAgents(phase: Phase & { is: 'running' }): Promise<RunningBeamClaw | undefined> {
    const make = this.#make
    if (phase.agentsOf === make) return phase.running
    const { agents } = await this.#made(make)
    if (this.#phase !== phase) return undefined
    phase.running.updateAgents(agents)
    this.#phase = { is: 'running', running: phase.running, agentsOf: make }
    return undefined
  }

  async #made(make: MakeBeamClaw): Promise<BeamClaw> {
    const owner = `lazyBeamClaw("${this.#name}")`
    const claw: Partial<BeamClaw> | undefined = await this.#outcomeOf(owner, make)
    // Not `instanceof`: each bundle of an application may contain a copy of this package.
    const isClaw = guardedRead(owner, 'make', () => typeof claw?.start === 'function' && Array.isArray(claw.agents))
    if (isClaw) return claw as BeamClaw
    throw new BeamClawError(
      'invalid-option',
      `${owner}: make must return a BeamClaw that is not started, and it returned ${describeValue(claw)}`,
    )
  }

  /** The host's own error reaches the host as it is; what is no error becomes the cause of one. */
  async #outcomeOf(owner: string, make: MakeBeamClaw): Promise<BeamClaw> {
    try {
      const made = make()
      // Awaiting it reads this, and the error would look like the host's.
      guardedRead(owner, 'make', () => (made as Partial<Promise<BeamClaw>> | undefined)?.then)
      return await made
    } catch (cause) {
      if (isError(cause)) throw cause
      throw new BeamClawError('invalid-option', `${owner}: make threw ${describeError(cause)}; it must return a BeamClaw`, { cause })
    }
  }
}

function isError(thrown: unknown): boolean {
  try {
    return thrown instanceof Error
  } catch {
    return false
  }
}

function endingOf(within: Ending['within'], timeoutMs: number): Ending {
  return { done: within(timeoutMs), within }
}

/** Stops the tree of a phase; resolves once the store is released. */
async function endOf(phase: Exclude<Phase, { is: 'stopped' }>, timeoutMs: number): Promise<void> {
  if (phase.is === 'idle') {
    await phase.after?.within(timeoutMs).catch((error: unknown) => {
      // Its other failures are not those of this stop.
      if (BeamClawError.isInstance(error, 'stop-timeout')) throw error
    })
  }
  if (phase.is === 'running') await phase.running.stop({ timeoutMs })
  if (phase.is === 'starting') await endOfStart(phase, timeoutMs)
}

/** Stops a tree that is starting; a start that fails releases its store. A store may hang before there is a tree to stop: one that starts after the limit is stopped then. */
async function endOfStart({ started, claw }: Phase & { is: 'starting' }, timeoutMs: number): Promise<void> {
  const ended = started.then(
    (running) => running.stop({ timeoutMs }),
    () => claw.release().catch(() => {}),
  )
  if (timeoutMs > maxTimerMs) return ended
  const limit = AbortSignal.timeout(Math.ceil(timeoutMs))
  const late = Promise.withResolvers<never>()
  const giveUp = (): void =>
    late.reject(
      new BeamClawError(
        'stop-timeout',
        `stop: the start did not end within ${timeoutMs} ms; what hangs is what it opens, such as the store`,
        {
          details: { timeoutMs, step: 'the start', hanging: [] },
        },
      ),
    )
  limit.addEventListener('abort', giveUp, { once: true })
  try {
    await Promise.race([ended, late.promise])
  } finally {
    limit.removeEventListener('abort', giveUp)
    ended.catch(() => {})
  }
}
