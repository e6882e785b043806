/** Calls of a worker that wait for what its parent or another worker says. */
import { BeamClawError, type Clock, type JsonValue, type NodeRef } from '@beamclaw/core'
import { fromWireError, maxTimerMs } from '@beamclaw/core/adapter'

interface PendingCall {
  /** Undefined for a call to the parent. */
  readonly node: NodeRef | undefined
  readonly resolve: (value: JsonValue) => void
  readonly reject: (error: BeamClawError) => void
  readonly cancel: () => void
}

/** I1: each call settles once. I2: no timer outlives its call. */
export class PendingCalls {
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #open = new Map<number, PendingCall>()
  #lastId = 0

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock
  }

  /** Begins a call to the parent; `onResult` is called before any later message is read. */
  ofParent<T>(onResult: (result: JsonValue) => T): { readonly id: number; readonly result: Promise<T> } {
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#open.set(id, { node: undefined, resolve: (value) => resolve(onResult(value)), reject, cancel: () => {} })
    return { id, result: promise }
  }

  /** Begins a call to another worker, which rejects `call-timeout` when no answer comes in time. */
  ofWorker(node: NodeRef, timeoutMs: number): { readonly id: number; readonly result: Promise<JsonValue> } {
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>()
    const expire = (): void =>
      this.#take(id)?.reject(new BeamClawError('call-timeout', `Worker "${node.id}" sent no reply within ${timeoutMs} ms`))
    const timer = this.#clock.setTimer(expire, Math.min(timeoutMs, maxTimerMs))
    this.#open.set(id, { node, resolve, reject, cancel: () => timer.cancel() })
    return { id, result: promise }
  }

  /** The parent said this. */
  done(id: number, result: JsonValue): void {
    if (this.#open.get(id)?.node === undefined) this.#take(id)?.resolve(result)
  }

  failed(id: number, error: unknown): void {
    if (this.#open.get(id)?.node === undefined) this.#take(id)?.reject(fromWireError(error))
  }

  /** A worker replied. A reply that was not asked for, or that comes late, is ignored. */
  replied(from: NodeRef, id: number, reply: { readonly value: JsonValue } | { readonly error: JsonValue }): void {
    if (this.#open.get(id)?.node?.incarnation !== from.incarnation) return
    const call = this.#take(id)
    if ('value' in reply) call?.resolve(reply.value)
    else call?.reject(fromWireError(reply.error))
  }

  /** The message reached no worker. */
  lost(id: number): void {
    const call = this.#take(id)
    if (call?.node === undefined) return
    call.reject(goneError(call.node, true))
  }

  /** The process of a worker has ended. */
  gone(incarnations: ReadonlySet<string>): void {
    for (const [id, { node }] of this.#open)
      if (node !== undefined && incarnations.has(node.incarnation)) this.#take(id)?.reject(goneError(node, false))
  }

  /** Rejects what waits: everything, or the calls to other workers alone. */
  failAll(errorOf: (node: NodeRef | undefined) => BeamClawError): void {
    for (const [id, { node }] of this.#open) this.#take(id)?.reject(errorOf(node))
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#open.get(id)
    this.#open.delete(id)
    call?.cancel()
    return call
  }
}

/** Returns the error for a worker that is not there. `isUndelivered`: it is certain that nothing was carried out. */
export function goneError({ id }: NodeRef, isUndelivered: boolean): BeamClawError {
  return new BeamClawError('node-gone', `There is no live worker "${id}"`, isUndelivered ? { details: { isUndelivered } } : {})
}
