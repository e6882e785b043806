/** The requests of one node that wait for their reply. */
import { BeamClawError, type Clock, type JsonValue, type NodeRef } from '@beamclaw/core'

interface PendingRequest {
  readonly to: NodeRef
  readonly settle: (reply: JsonValue | BeamClawError) => void
}

/** I1: each request settles once: by its reply, by its timer, or because its node is dead. I2: no timer outlives its request. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #pending = new Map<number, PendingRequest>()
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a request. Its promise rejects with `call-timeout` unless it is settled before. */
  open(to: NodeRef, timeoutMs: number): { readonly id: number; readonly reply: Promise<JsonValue> } {
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>()
    const timer = this.#clock.setTimer(
      () => this.settle(id, new BeamClawError('call-timeout', `Node "${to.id}" sent no reply within ${timeoutMs} ms`)),
      timeoutMs,
    )
    this.#pending.set(id, {
      to,
      settle: (reply) => {
        timer.cancel()
        if (reply instanceof BeamClawError) reject(reply)
        else resolve(reply)
      },
    })
    return { id, reply: promise }
  }

  /** A reply that comes late, or a second time, finds no request. */
  settle(id: number, reply: JsonValue | BeamClawError): void {
    const request = this.#pending.get(id)
    this.#pending.delete(id)
    request?.settle(reply)
  }

  /** Rejects what was asked of this life of a node; without one, everything. */
  fail(error: BeamClawError, to?: NodeRef): void {
    for (const [id, request] of this.#pending) if (to === undefined || request.to.incarnation === to.incarnation) this.settle(id, error)
  }
}
