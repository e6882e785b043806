/** An actor whose messages are functions that it runs: for tests of all code around handlers. */
import { Actor, type HandlerResult } from '../actor/actor.ts'
import type { ActorOptions } from '../actor/actor-options.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import type { IGNORE } from '../actor/internals.ts'
import type { ExitNotice, ExitReason } from '../base/exit-reason.ts'

export type Work = (context: ActorContext<Work>) => unknown

export class Probe extends Actor<Work, unknown> {
  readonly exits: ExitNotice[] = []
  stopped: ExitReason | undefined
  /** Replaces what happens on stop. */
  whenStopped: () => void | Promise<void> = () => {}

  constructor(options: ActorOptions = {}) {
    super({ id: 'probe', ...options })
  }

  protected override init(_context: ActorContext<Work>): void | typeof IGNORE | Promise<void | typeof IGNORE> {}

  protected override handle(work: Work, context: ActorContext<Work>): HandlerResult<unknown> {
    return work(context)
  }

  protected override handleControl(work: Work, context: ActorContext<Work>): HandlerResult<unknown> {
    return work(context)
  }

  protected override handleExit(notice: ExitNotice): void {
    this.exits.push(notice)
  }

  protected override onStop(reason: ExitReason): void | Promise<void> {
    this.stopped = reason
    return this.whenStopped()
  }
}

/** Returns a promise with its resolvers, to block a handler. */
export function gate<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>()
}
