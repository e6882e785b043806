/**
 * The context that an actor's hooks and handlers get.
 *
 * Each message of the work lane, and each phase that runs a hook, has a context of its own. So what is called through it is known to belong
 * to that message: a call by a background job, through the context of an earlier message, is not attributed to the message in hand.
 */

import { checkExitReason, type ExitReason, normalExit } from '../base/exit-reason.ts'
import type { ActorHost } from './actor-host.ts'
import type { ActorContext, ActorRef, CallOptions, CastOptions } from './actor-ref.ts'
import { callCycle, exitError } from './failures.ts'
import { coreOf } from './internals.ts'

export class Context<TMessage> implements ActorContext<TMessage> {
  readonly #core: ActorHost
  #waits: Set<{ readonly ref: ActorRef<never> }> | undefined

  constructor(core: ActorHost) {
    this.#core = core
  }

  /** Actors whose answer the message of this context waits for. */
  get waitsFor(): ActorRef<never>[] {
    return this.#waits === undefined ? [] : [...this.#waits].map(({ ref }) => ref)
  }

  get self(): ActorRef<TMessage> {
    return this.#core.actor as ActorRef<TMessage>
  }

  get generation(): number {
    return this.#core.generation
  }

  get signal(): AbortSignal {
    return this.#core.stopSignal
  }

  call<TTarget, TReply>(ref: ActorRef<TTarget, TReply>, message: TTarget, options?: CallOptions): Promise<TReply> {
    this.#requireAlive()
    // Only a message in hand keeps this actor from replying to others meanwhile.
    if (this.#core.contextInHand !== this || options?.lane === 'control') return ref.call(message, options)
    const core = (ref as { [coreOf]?: ActorHost })[coreOf]
    // A name stands for an actor, and the call waits for that actor.
    const target = (core?.actor ?? ref) as ActorRef<never>
    const path = waitingPath(target, this.#core.actor, new Set())
    if (path !== undefined) return Promise.reject(callCycle([this.#core.id, ...path]))
    const wait = { ref: target }
    this.#waits ??= new Set()
    const waits = this.#waits.add(wait)
    const endWaiting = (): void => void waits.delete(wait)
    // The wait ends when the other actor replies, not a microtask later, when it may have the next message in hand.
    const answer = core === undefined ? ref.call(message, options) : (core.loop.call(message, options, endWaiting) as Promise<TReply>)
    answer.then(endWaiting, endWaiting)
    return answer
  }

  cast<TTarget>(ref: ActorRef<TTarget>, message: TTarget, options?: CastOptions): void {
    this.#requireAlive()
    ref.cast(message, options)
  }

  monitor(ref: ActorRef<never>): () => void {
    this.#requireAlive()
    return this.#core.receiveExitOf(ref)
  }

  stop(reason: ExitReason = normalExit): void {
    this.#requireAlive()
    checkExitReason('context.stop', reason)
    this.#core.stopAfterMessage(reason)
  }

  keepAwake(promise: Promise<unknown>): void {
    this.#requireAlive()
    this.#core.lazy.keepAwake(promise)
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#requireAlive()
    this.#core.lazy.delayStop(promise)
  }

  #requireAlive(): void {
    const reason = this.#core.exitReason
    if (reason !== undefined) throw exitError(this.#core.id, reason)
  }
}

/** Returns the ids on the path from one actor to another along the replies they wait for; undefined when there is no path. */
function waitingPath(from: ActorRef<never>, to: unknown, seen: Set<unknown>): string[] | undefined {
  if (from === to) return [from.id]
  seen.add(from)
  const core = (from as { [coreOf]?: ActorHost })[coreOf]
  for (const ref of core?.waitsFor ?? []) {
    const path = seen.has(ref) ? undefined : waitingPath(ref, to, seen)
    if (path !== undefined) return [from.id, ...path]
  }
  return undefined
}
