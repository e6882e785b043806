/** Shared by all parts of an actor simulation: time, random numbers, the trace, and a guard around the runtime's callbacks. */
import { type Clock, type Logger, type Random, Telemetry } from '@beamclaw/core'
import { integerBetween, seededRandom } from '../../seeded-random.ts'
import { Trace } from '../trace.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { AnyActor, Life } from './life.ts'
import type { Pending } from './pending.ts'
import { TaskBook } from './simulated-tasks.ts'

/** Milliseconds that the runtime may keep timers waiting, besides the one handler that it cannot interrupt. */
const fairSliceMs = 8

export class ActorWorld {
  readonly time = new VirtualClock()
  readonly trace: Trace
  /** Decides what is done. */
  readonly chance: Random
  /** Decides what hooks, listeners and loggers do. */
  readonly mood: Random
  /** The clock of the actors: its timers must be gone when they are. */
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly lives: Life[] = []
  readonly pending = new Set<Pending>()
  readonly tasks = new TaskBook(this)
  /** The life whose context is asked to monitor another, at this moment. */
  watcher: Life | undefined
  /** True once nothing is to go wrong any more. */
  isCalm = false
  /** Milliseconds that handlers have blocked the event loop since timers last ran, by the root of their tree. */
  readonly #blockedMs = new Map<Life, number>()
  #names = 0
  #yields = 0

  constructor(seed: number) {
    this.trace = new Trace(seed, this.time)
    this.chance = seededRandom(seed * 17 + 1)
    this.mood = seededRandom(seed * 17 + 2)
    const clock = this.time.clockOf('actors')
    this.clock = {
      ...clock,
      setTimer: (callback, delayMs) => {
        if (!(delayMs >= 0)) this.trace.fail('A5', `a timer was set to ${delayMs} ms`)
        return clock.setTimer(() => this.guard('a timer', callback), delayMs)
      },
      yieldTo: (callback) => {
        this.#yields++
        setImmediate(() => {
          this.#yields--
          this.#inNewRound(callback)
        })
      },
    }
    this.logger = {
      log: () => {
        if (this.mayGoWrong(15)) throw new Error('the logger fails')
      },
    }
    this.telemetry = new Telemetry(this.logger)
  }

  get now(): number {
    return this.time.elapsed
  }

  /** A name that no other life of this simulation has. */
  nextName(prefix: string): string {
    return `${prefix}${++this.#names}`
  }

  note(line: string): void {
    this.trace.add(line)
  }

  /** True in so many of a hundred cases while things go wrong. */
  mayGoWrong(percent: number): boolean {
    return !this.isCalm && this.mood.next() * 100 < percent
  }

  /** Starts an actor without a supervisor. */
  start(actor: AnyActor): Promise<unknown> {
    const { clock, logger, telemetry, mood } = this
    return actor.start({ clock, logger, telemetry, random: mood })
  }

  /** Resolves after so many virtual milliseconds. The timer is not one of the actors' own. */
  wait(ms: number): Promise<void> {
    const clock = this.time.clockOf('hooks')
    return new Promise((resolve) => void clock.setTimer(resolve, ms))
  }

  /** Blocks the event loop: time passes and no other code runs. `by` is the life whose handler blocks, if any. */
  block(ms: number, by: Life | undefined): void {
    this.time.block(ms)
    if (by !== undefined) this.#blockedMs.set(by.root, (this.#blockedMs.get(by.root) ?? 0) + ms)
  }

  /** Called when a handler begins: timers must have had their turn before long. */
  checkFairness({ id, root }: Life): void {
    const blockedMs = this.#blockedMs.get(root) ?? 0
    if (blockedMs <= fairSliceMs + longestBlockMs) return
    this.trace.fail('A9', `${id} is handed a message ${blockedMs} ms after timers had their last turn`)
  }

  /** Runs what the runtime asked to be called; nothing may come out of it. */
  guard(what: string, callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.trace.fail('A5', `${what} threw ${String(error)}`)
    }
  }

  /** True while the runtime waits for the event loop to come round. */
  get isYielding(): boolean {
    return this.#yields > 0
  }

  /** Runs everything that does not wait for a timer, a few times. */
  async breathe(): Promise<void> {
    for (let round = 0; round < 4; round++) await new Promise<void>((resolve) => setImmediate(() => this.#inNewRound(resolve)))
  }

  /** Yields for a few microtasks. */
  async microtasks(count = integerBetween(this.chance, 1, 12)): Promise<void> {
    for (let index = 0; index < count; index++) await undefined
  }

  #inNewRound(callback: () => void): void {
    this.#blockedMs.clear()
    this.guard('a callback of the event loop', callback)
  }
}

/** The longest that a handler keeps the processor. */
export const longestBlockMs = 12
