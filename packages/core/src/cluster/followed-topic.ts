/** A topic with subscribers on this node: it follows the session of the topic from node to node. */
import type { TimerHandle } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Location, NodeRef } from '../ports/cluster.ts'
import { readListenReply } from './event-messages.ts'
import type { Follower } from './follower.ts'

/** Milliseconds in which a node must reply, and after which a subscriber waits no longer for one that does not. */
const patienceMs = 2_000

/** Milliseconds in which events arrive that were sent before a reply. */
const arrivalMs = 500

/** Milliseconds until an owner that could not be reached is tried again; doubled each time, up to the pace at which all topics are looked at. */
const firstRetryMs = 250
const lastRetryMs = 4_000

/** Where the session is, as far as this node knows; elsewhere, with the id under which this node listens and the number of the last event that came. */
type Place =
  | { readonly at: 'unknown' }
  | { readonly at: 'here' }
  | { readonly at: 'there'; readonly node: NodeRef; readonly id: number; arrived: number; isConfirmed: boolean }

const unknown: Place = { at: 'unknown' }
const here: Place = { at: 'here' }

/**
 * Phases: `unknown → here ⇄ there → ended`, and `unknown` again when the node of the session cannot be reached. Owns its id at the owner, and at most one
 * timer each for the first look, the next try and the arrival of what was sent.
 * I1: From `ready` on, what a subscriber does not get is told by a gap: after a hole in the numbers, a head that does not arrive, and each change of place.
 * I2: One look is under way at a time; what calls for another one meanwhile is followed by one more.
 */
export class FollowedTopic {
  readonly #topic: string
  readonly #lease: string
  readonly #follower: Follower
  readonly #onGaps = new Set<{ readonly tell: (() => void) | undefined }>()
  #place: Place = unknown
  #ready: PromiseWithResolvers<void> | undefined
  #isSettled = false
  #isEnded = false
  // Events may have been missed since the place was last settled.
  #hasMissed = false
  // The last grant of the session when it was looked for; undefined while that is not known, or it runs here.
  #epoch: number | undefined
  // It runs here, and its end was not told.
  #isRunningHere = false
  #isLooking = false
  #mustLookAgain = false
  #retryMs = firstRetryMs
  #patience: TimerHandle | undefined
  #retry: TimerHandle | undefined
  #arrival: TimerHandle | undefined

  constructor(topic: string, lease: string, follower: Follower) {
    this.#topic = topic
    this.#lease = lease
    this.#follower = follower
  }

  /** Resolves once nothing is missed without a gap; undefined when that is so. */
  get ready(): Promise<void> | undefined {
    return this.#ready?.promise
  }

  get isUnused(): boolean {
    return this.#onGaps.size === 0
  }

  /** The node that this one listens to, and under which id; undefined while it listens to none, or has no reply yet. */
  get listening(): { readonly node: NodeRef; readonly id: number } | undefined {
    return this.#place.at === 'there' && this.#place.isConfirmed ? this.#place : undefined
  }

  /** True while this node listens to that one, with or without a reply. */
  isAt(incarnation: string): boolean {
    return this.#place.at === 'there' && this.#place.node.incarnation === incarnation
  }

  /** Adds a subscriber. Returns a function that removes it. */
  add(tell: (() => void) | undefined): () => void {
    const subscriber = { tell }
    this.#onGaps.add(subscriber)
    return () => void this.#onGaps.delete(subscriber)
  }

  /** Looks where the session is, and listens there. `to` is where it was said to have gone. */
  look(to?: NodeRef): void {
    if (this.#isEnded) return
    if (this.#isLooking) this.#mustLookAgain = true
    else if (this.#follower.isAlone || (to === undefined && this.#follower.isHere(this.#lease))) this.#runsHere()
    else {
      if (!this.#isSettled) this.#waitForFirst()
      void this.#lookUntilDone(to)
    }
  }

  /** The session has started on this node. */
  startedHere(): void {
    if (this.#isEnded) return
    // A look that is under way may still find the place before.
    if (this.#isLooking) this.#mustLookAgain = true
    const wasHere = this.#place.at === 'here'
    this.#runsHere()
    // It may have been elsewhere meanwhile: before its start, where other nodes had placed it, or after an end here that was missed.
    if (wasHere) this.#tellGap()
  }

  /** The session has left this node. */
  leftHere(to: NodeRef | undefined): void {
    this.#isRunningHere = false
    this.look(to)
  }

  /** The session has replied from that node. One that was free may have started elsewhere than where it was looked for. */
  answeredAt(node: NodeRef): void {
    if (!this.isAt(node.incarnation)) this.look(node)
  }

  /** The session has left the node that `id` listens to, or that node has forgotten the id or is gone. */
  lost(id: number, to?: NodeRef): void {
    if (this.#place.at !== 'there' || this.#place.id !== id) return
    this.#forgetPlace()
    this.look(to)
  }

  /** This node was taken for dead: the session may have been anywhere, and may be back where it was. */
  wasCutOff(): void {
    if (this.#isEnded) return
    this.#forgetPlace()
    this.look()
  }

  /** An event that the owner has sent. */
  arrived(id: number, n: number, event: RunEvent | null): void {
    const place = this.#place
    if (place.at !== 'there' || place.id !== id || n <= place.arrived) return
    if (event !== null && !this.#topic.endsWith(event.sessionKey)) return
    const isHole = event === null || n > place.arrived + 1
    place.arrived = n
    if (event !== null) this.#follower.deliver(this.#topic, event)
    if (isHole) this.#tellGap()
  }

  /** The owner has sent `head` events so far. */
  renewed(id: number, head: number): void {
    const place = this.#place
    if (place.at !== 'there' || place.id !== id || head === place.arrived) return
    if (head < place.arrived) {
      // The number that came was none of its owner's.
      place.arrived = head
      return this.#tellGap()
    }
    this.#arrival ??= this.#follower.clock.setTimer(
      () => {
        this.#arrival = undefined
        if (this.#place !== place || place.arrived >= head) return
        place.arrived = head
        this.#tellGap()
      },
      arrivalMs,
      true,
    )
  }

  /** Ends all of it: there is no subscriber any more. */
  end(): void {
    this.#isEnded = true
    for (const timer of [this.#patience, this.#retry, this.#arrival]) timer?.cancel()
    this.#leave()
    this.#place = unknown
    this.#ready?.resolve()
    this.#ready = undefined
  }

  #waitForFirst(): void {
    if (this.#ready !== undefined) return
    this.#ready = Promise.withResolvers()
    this.#patience = this.#follower.clock.setTimer(() => this.#becomeReady(true), patienceMs, true)
  }

  #becomeReady(hasMissed: boolean): void {
    this.#patience?.cancel()
    this.#isSettled = true
    this.#hasMissed ||= hasMissed
    this.#ready?.resolve()
    this.#ready = undefined
  }

  async #lookUntilDone(to: NodeRef | undefined): Promise<void> {
    this.#isLooking = true
    this.#retry?.cancel()
    let isFound = await this.#lookOnce(to)
    while (this.#mustLookAgain && !this.#isEnded) {
      this.#mustLookAgain = false
      isFound = await this.#lookOnce(undefined)
    }
    this.#isLooking = false
    if (this.#isEnded) return
    if (isFound) this.#retryMs = firstRetryMs
    else {
      this.#retry = this.#follower.clock.setTimer(() => this.look(), this.#retryMs, true)
      this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs)
    }
  }

  /** Resolves with whether the place is known. */
  async #lookOnce(to: NodeRef | undefined): Promise<boolean> {
    try {
      const { cluster } = this.#follower
      const isHere = to === undefined && this.#follower.isHere(this.#lease)
      const { node, epoch }: Pick<Location, 'node' | 'epoch'> =
        to !== undefined ? { node: to } : isHere ? { node: cluster.self } : await cluster.locate(this.#lease)
      if (this.#isEnded) return true
      const [before, known] = [this.#place, this.#epoch]
      this.#epoch = epoch
      const isFound = await this.#settleAt(node)
      // It was started since the last look, perhaps elsewhere, and may have come to its end there; or it ran here, and its end was missed.
      const isOther = epoch !== undefined && known !== epoch && (known !== undefined || this.#isRunningHere)
      if (!isHere) this.#isRunningHere = false
      if (this.#place === before && isOther) this.#tellGap()
      return isFound
    } catch {
      // Without a place that is known, nothing is heard; one that was known may still be right.
      return this.#isEnded || this.#place.at !== 'unknown'
    }
  }

  /** Resolves with whether it is followed there. */
  async #settleAt(node: NodeRef): Promise<boolean> {
    if (this.#follower.isSelf(node)) {
      this.#settleHere()
      return true
    }
    const isThere = this.#place.at === 'there' && this.#place.node.incarnation === node.incarnation
    return isThere || (await this.#listenAt(node))
  }

  async #listenAt(node: NodeRef): Promise<boolean> {
    this.#forgetPlace()
    const { cluster } = this.#follower
    const place: Place = { at: 'there', node, id: this.#follower.listen(this), arrived: 0, isConfirmed: false }
    this.#place = place
    try {
      const body: JsonValue = { type: 'events.listen', id: place.id, topic: this.#topic }
      const head = readListenReply(await cluster.request(node, body, { timeoutMs: patienceMs }))
      if (this.#place !== place) {
        // The node may have forgotten the id before it got to know it.
        this.#follower.leave(node, place.id)
        return true
      }
      if (head === undefined) {
        this.#forgetPlace()
        return false
      }
      place.isConfirmed = true
      this.#settle()
      this.renewed(place.id, head)
      return true
    } catch (error) {
      if (this.#place !== place) return true
      this.#forgetPlace()
      throw error
    }
  }

  #runsHere(): void {
    this.#epoch = undefined
    this.#isRunningHere = true
    this.#settleHere()
  }

  #settleHere(): void {
    if (this.#place.at === 'here') return
    this.#forgetPlace()
    this.#place = here
    this.#settle()
  }

  #settle(): void {
    const hasMissed = this.#hasMissed
    this.#becomeReady(false)
    this.#hasMissed = false
    if (hasMissed) this.#tellGap()
  }

  /** From here on events are missed, until another place is settled. */
  #forgetPlace(): void {
    this.#leave()
    this.#place = unknown
    if (this.#isSettled) this.#hasMissed = true
  }

  #leave(): void {
    this.#arrival?.cancel()
    this.#arrival = undefined
    if (this.#place.at === 'there') this.#follower.leave(this.#place.node, this.#place.id)
  }

  #tellGap(): void {
    for (const { tell } of [...this.#onGaps]) {
      try {
        tell?.()
      } catch {
        // The other subscribers are told all the same.
      }
    }
  }
}
