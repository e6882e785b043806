/** A reference by name: each use goes to the actor that has the name at that time, so it stays valid over restarts. */
import { checkMonitor, ExitNotice, noprocExit } from '../base/exit-reason.ts'
import type { Actor } from './actor.ts'
import type { ActorHost } from './actor-host.ts'
import type { ActorRef, CallOptions, CastOptions } from './actor-ref.ts'
import { notRunning } from './failures.ts'
import { coreOf } from './internals.ts'
import { tellTooLate } from './watchers.ts'

/** The type of a reference to an actor: same messages, same replies. */
export type RefOf<TActor> = TActor extends ActorRef<infer TMessage, infer TReply> ? ActorRef<TMessage, TReply> : never

export class NamedRef<TMessage, TReply> implements ActorRef<TMessage, TReply> {
  readonly id: string
  readonly #present: () => Actor<never, unknown> | undefined

  /** `present` returns the actor that has the name now; undefined while none has. */
  constructor(id: string, present: () => Actor<never, unknown> | undefined) {
    this.id = id
    this.#present = present
  }

  /** @internal So that deadlocks are detected through names too. */
  get [coreOf](): ActorHost | undefined {
    return this.#present()?.[coreOf]
  }

  get isAlive(): boolean {
    return this.#present()?.isAlive === true
  }

  call(message: TMessage, options?: CallOptions): Promise<TReply> {
    const actor = this.#typed()
    return actor === undefined ? Promise.reject(notRunning(this.id)) : actor.call(message, options)
  }

  cast(message: TMessage, options?: CastOptions): void {
    const actor = this.#typed()
    if (actor === undefined) throw notRunning(this.id)
    actor.cast(message, options)
  }

  /** Monitors the present incarnation, not later ones. */
  monitor(onExit: (notice: ExitNotice) => void): () => void {
    checkMonitor(onExit)
    const actor = this.#present()
    return actor === undefined ? tellTooLate(new ExitNotice(this.id, noprocExit), onExit, undefined) : actor.monitor(onExit)
  }

  #typed(): ActorRef<TMessage, TReply> | undefined {
    return this.#present() as ActorRef<TMessage, TReply> | undefined
  }
}
