/**
 * Rejects calls at their deadlines, with a single timer for all calls to an actor.
 *
 * Owns a binary heap of the calls that wait; each knows its place in it, so that it can leave when it is settled.
 * I1: The first in the heap is due first.
 * I2: Every call in the heap is unsettled and has this as its timer.
 * I3: A timer is pending only while the heap is not empty, and never fires later than the first deadline.
 */
import { maxTimerMs } from '../base/options.ts'
import type { Clock, TimerHandle } from '../ports/services.ts'
import { callTimeout } from './failures.ts'
import type { CallTimer, PendingCall } from './pending-call.ts'

export class Deadlines implements CallTimer {
  readonly #clock: Clock
  readonly #actorId: string
  readonly #heap: PendingCall[] = []
  #timer: TimerHandle | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, actorId: string) {
    this.#clock = clock
    this.#actorId = actorId
  }

  /** True when no call is watched. */
  get isEmpty(): boolean {
    return this.#heap.length === 0
  }

  /** Watches a call, unless it is watched already, settled, or has no deadline. */
  add(call: PendingCall): void {
    if (call.timer !== undefined || call.isSettled || call.deadline === Number.POSITIVE_INFINITY) return
    call.timer = this
    this.#moveUp(call, this.#heap.length)
  }

  /** Called by a call that is settled. */
  remove(call: PendingCall): void {
    const index = call.heapIndex
    call.timer = undefined
    call.heapIndex = -1
    const last = this.#heap.pop()
    if (last !== undefined && last !== call) {
      this.#moveDown(last, index)
      this.#moveUp(last, last.heapIndex)
    }
    if (this.#heap.length === 0) this.#cancel()
  }

  /** Fails the calls that are due and sets the timer for the next one. */
  arm(): void {
    const now = this.#clock.monotonic()
    let first = this.#heap[0]
    for (; first !== undefined && first.deadline <= now; first = this.#heap[0]) first.reject(callTimeout(this.#actorId))
    if (first === undefined || first.deadline >= this.#armedFor) return
    this.#cancel()
    this.#armedFor = first.deadline
    this.#timer = this.#clock.setTimer(
      () => {
        this.#armedFor = Number.POSITIVE_INFINITY
        this.#timer = undefined
        this.arm()
      },
      Math.min(maxTimerMs, Math.ceil(first.deadline - now)),
    )
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  #moveUp(call: PendingCall, from: number): void {
    let index = from
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1] as PendingCall
      if (parent.deadline <= call.deadline) break
      this.#place(parent, index)
      index = (index - 1) >> 1
    }
    this.#place(call, index)
  }

  #moveDown(call: PendingCall, from: number): void {
    let index = from
    for (let child = this.#earlierChild(index); child !== undefined && child.deadline < call.deadline; child = this.#earlierChild(index)) {
      const next = child.heapIndex
      this.#place(child, index)
      index = next
    }
    this.#place(call, index)
  }

  #earlierChild(index: number): PendingCall | undefined {
    const left = this.#heap[2 * index + 1]
    const right = this.#heap[2 * index + 2]
    return right !== undefined && left !== undefined && right.deadline < left.deadline ? right : left
  }

  #place(call: PendingCall, index: number): void {
    this.#heap[index] = call
    call.heapIndex = index
  }
}
