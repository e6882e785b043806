/** Requests that wait for their answers. */
import { BeamClawError, type Clock, type JsonValue, type Member, type NodeRef, type TimerHandle } from '@beamclaw/core'
import { fromWireError, maxTimerMs } from '@beamclaw/core/adapter'
import { nodeGone, unanswered } from './cluster-failures.ts'
import type { AnswerItem } from './envelope.ts'
import type { Delivery } from './outbox.ts'

/** Requests that may be under way at once, to all nodes together. */
export const mostRequests = 10_000

interface OpenRequest {
  readonly node: NodeRef
  readonly resolve: (body: JsonValue) => void
  readonly reject: (error: BeamClawError) => void
  readonly timer: TimerHandle
  /** By the monotonic clock. */
  readonly since: number
}

/** Owns the requests of this node, by id. Each ends once: by its answer, its deadline, the death of the other node, or the end of the present life. */
export class Requests {
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly #open = new Map<string, OpenRequest>()
  #last = 0

  constructor(clock: Pick<Clock, 'monotonic' | 'setTimer'>) {
    this.#clock = clock
  }

  /** Begins a request. Throws `overloaded` when too many are under way. */
  begin(node: NodeRef, timeoutMs: number): { readonly id: string; readonly answer: Promise<JsonValue> } {
    if (this.#open.size >= mostRequests) {
      throw new BeamClawError('overloaded', `${mostRequests} requests to other nodes are under way. Try again later`, { retryAfterMs: 200 })
    }
    this.#last += 1
    const id = this.#last.toString(36)
    const { promise: answer, resolve, reject } = Promise.withResolvers<JsonValue>()
    const expire = (): void => this.#take(id)?.reject(unanswered(node, `${timeoutMs} ms have passed`))
    // The longest time that a timer can wait stands for all above it.
    const timer = this.#clock.setTimer(expire, Math.min(timeoutMs, maxTimerMs), true)
    this.#open.set(id, { node, resolve, reject, timer, since: this.#clock.monotonic() })
    return { id, answer }
  }

  /** Ends a request with what has become of its message. Nothing is known after a reply of the server was lost: the answer may still come. */
  delivered(id: string, delivery: Delivery): void {
    const request = this.#open.get(id)
    if (request === undefined) return
    if ('receivers' in delivery) {
      if (delivery.receivers === 0) this.fail(id, nodeGone(request.node, 'it does not listen any more', { isUndelivered: true }))
      return
    }
    const { error } = delivery
    if (!BeamClawError.isInstance(error) || error.code !== 'store-io') this.fail(id, error)
    else if (error.details.isSent === false)
      this.fail(id, nodeGone(request.node, 'the message could not be sent', { cause: error, isUndelivered: true }))
    else if (error.details.reply !== undefined) this.fail(id, error)
  }

  /** Rejects a request. */
  fail(id: string, error: unknown): void {
    const typed = BeamClawError.isInstance(error) ? error : new BeamClawError('internal', 'A request was not sent', { cause: error })
    this.#take(id)?.reject(typed)
  }

  /** An answer came. One that was not asked for, or not of this node, is ignored. */
  answered(from: string, item: AnswerItem): void {
    if (this.#open.get(item.id)?.node.incarnation !== from) return
    const request = this.#take(item.id)
    if (item.kind === 'answer') request?.resolve(item.body)
    else request?.reject(fromWireError(item.body))
  }

  /** Rejects what was asked of nodes that are no members. `askedAt` is when the list was asked for: later requests may be to nodes that it does not have. */
  sawMembers(members: readonly Member[], askedAt: number): void {
    const alive = new Set(members.map(({ incarnation }) => incarnation))
    for (const [id, { node, since }] of this.#open) {
      if (since < askedAt && !alive.has(node.incarnation))
        this.fail(id, nodeGone(node, 'it is no member of the cluster any more', { isUndelivered: false }))
    }
  }

  /** Rejects all `call-timeout`: their answers will not be heard. */
  abandon(reason: string): void {
    for (const [id, { node }] of this.#open) this.fail(id, unanswered(node, reason))
  }

  #take(id: string): OpenRequest | undefined {
    const request = this.#open.get(id)
    this.#open.delete(id)
    request?.timer.cancel()
    return request
  }
}
