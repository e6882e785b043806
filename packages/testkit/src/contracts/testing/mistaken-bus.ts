/** A plain event bus that is correct, but for the one flaw that it is asked to have. */
import { BeamClawError, type EventBus, type SubscribeOptions, type Subscription, type Topic } from '@beamclaw/core'
import type { BusFlaw } from './bus-mistakes.ts'
import { PlainSubscription } from './mistaken-subscription.ts'

const shared = { listeners: new Set<PlainSubscription>() }

function refuse(problem: string, isPlain = false): never {
  throw isPlain ? new Error(problem) : new BeamClawError('invalid-option', problem)
}

export class MistakenBus implements EventBus<never> {
  readonly #flaw: BusFlaw | undefined
  readonly #listeners: Set<PlainSubscription>
  readonly #told: { readonly topic: string; readonly event: unknown }[] = []
  readonly #byName: Record<string, true> = {}
  readonly #ends: PlainSubscription[] = []
  #burst = 0
  #isLosing = false
  #hasGap = false
  #isStopped = false

  constructor(flaw: BusFlaw | undefined) {
    this.#flaw = flaw
    this.#listeners = flaw === 'shares its subscribers with other buses' ? shared.listeners : new Set()
  }

  publish(topic: Topic, event: unknown): void {
    const has = (flaw: BusFlaw): boolean => this.#flaw === flaw
    if (this.#isLosing || (this.#hasGap && has('delivers nothing more after a gap'))) return
    if (this.#isStopped && has('throws when something is published after the stop')) throw new Error('stopped')
    if (this.#isStopped && !has('delivers after the stop of the bus')) return
    this.#told.push({ topic, event })
    if (has('loses a burst of more than a hundred events') && this.#burst++ === 0) setImmediate(() => (this.#burst = 0))
    if (this.#burst > 100) return
    let reached = [...this.#listeners].filter((listener) => this.#concerns(listener.topic, topic))
    if (reached.length === 0 && has('throws without subscribers')) throw new Error('no subscribers')
    if (has('delivers to the first subscriber only')) reached = reached.slice(0, 1)
    if (has('delivers to the last subscriber only')) reached = reached.slice(-1)
    if (has('loses what a subscriber publishes while it listens') && reached.some(({ isReading }) => isReading)) return
    if (has('calls onGap after the end')) for (const ended of this.#ends) ended.onGap?.()
    for (const listener of reached) {
      listener.offer(event)
      if (has('delivers every event twice')) listener.offer(event)
    }
    const full = reached.find(({ hasJustDropped }) => hasJustDropped)
    if (full === undefined) return
    if (has('throws when the buffer is full')) throw new Error('full')
    if (has('lets a full subscriber drop for all')) for (const listener of reached) if (listener !== full) listener.dropOldest()
    if (has('counts what it dropped for all subscribers together')) for (const other of reached) if (other !== full) other.dropped++
  }

  subscribe(topic: Topic, options: SubscribeOptions = {}): Subscription<never> {
    this.#check(topic, options)
    const subscription = new PlainSubscription(this.#flaw, topic, options, (ended) => this.#ended(ended))
    if (this.#isStopped) {
      if (this.#flaw === 'rejects ready when the bus has stopped') subscription.refuseReady()
      if (this.#flaw === 'refuses subscriptions after the stop') throw new Error('stopped')
      if (this.#flaw !== 'lets subscriptions after the stop wait for ever') subscription.end()
      return subscription as Subscription<never>
    }
    if (this.#flaw === 'calls onGap inside subscribe') options.onGap?.()
    const takeHold = (): void => void (subscription.isEnded || this.#listeners.add(subscription))
    if (this.#flaw === 'is ready before it has taken hold') setImmediate(takeHold)
    else takeHold()
    this.#byName[topic] = true
    const before = this.#told.filter((told) => told.topic === topic).map(({ event }) => event)
    if (this.#flaw === 'tells late subscribers the last event again') for (const event of before.slice(-1)) subscription.offer(event)
    if (this.#flaw === 'tells late subscribers everything again') for (const event of before) subscription.offer(event)
    return subscription as Subscription<never>
  }

  /** Loses what is published meanwhile. */
  async lose(publish: () => void): Promise<void> {
    this.#isLosing = true
    publish()
    this.#isLosing = false
    this.#hasGap = true
    if (this.#flaw === 'loses events and calls no onGap') return
    const listeners = [...this.#listeners]
    for (const listener of this.#flaw === 'tells the first subscriber alone of lost events' ? listeners.slice(0, 1) : listeners) {
      try {
        listener.onGap?.()
      } catch {
        if (this.#flaw === 'lets an onGap that throws end the round') return
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#isStopped && this.#flaw === 'rejects a second stop of the bus') throw new Error('stopped')
    this.#isStopped = true
    if (this.#flaw === 'leaves subscriptions waiting when the bus stops' || this.#flaw === 'delivers after the stop of the bus') return
    for (const listener of [...this.#listeners]) listener.end()
  }

  #concerns(subscribed: string, published: string): boolean {
    switch (this.#flaw) {
      case 'delivers to every topic':
        return true
      case 'delivers to topics that begin with the name':
        return subscribed.startsWith(published)
      case 'folds topics by case':
        return subscribed.toLowerCase() === published.toLowerCase()
      case 'folds topics by Unicode normalisation':
        return subscribed.normalize() === published.normalize()
      case 'trims topics':
        return subscribed.trim() === published.trim()
      case 'cuts topics after 255 characters':
        return subscribed.slice(0, 255) === published.slice(0, 255)
      case 'keeps topics in an object with a prototype':
        return subscribed === published && Object.hasOwn(this.#byName, published)
      case 'takes * in a topic for a pattern':
        return subscribed.endsWith('*') ? published.startsWith(subscribed.slice(0, -1)) : subscribed === published
      default:
        return subscribed === published
    }
  }

  #check(topic: string, { maxBuffered, ...rest }: SubscribeOptions): void {
    const most = this.#flaw === 'refuses a topic of 600 characters' ? 599 : this.#flaw === 'takes a topic of 601 characters' ? 601 : 600
    const least = this.#flaw === 'takes an empty topic' ? 0 : 1
    if (topic.length < least || topic.length > most) refuse('bad topic', this.#flaw === 'throws a plain error for a bad topic')
    const isBelow = maxBuffered !== undefined && maxBuffered < (this.#flaw === 'takes a maxBuffered of 0' ? 0 : 1)
    const isPart = maxBuffered !== undefined && !Number.isInteger(maxBuffered)
    if (isBelow || (isPart && this.#flaw !== 'takes a maxBuffered that is no whole number')) refuse('bad maxBuffered')
    if (rest.onGap !== undefined && typeof rest.onGap !== 'function' && this.#flaw !== 'takes an onGap that is no function')
      refuse('bad onGap')
    const unknown = Object.keys(rest).filter((name) => name !== 'signal' && name !== 'onGap')
    if (unknown.length > 0 && this.#flaw !== 'takes options that it does not know') refuse(`unknown ${unknown}`)
  }

  #ended(ended: PlainSubscription): void {
    this.#listeners.delete(ended)
    this.#ends.push(ended)
    if (this.#flaw === 'ends every subscription of the bus with one') for (const other of [...this.#listeners]) other.end()
    if (this.#flaw !== 'ends every subscription of a topic with one') return
    for (const other of [...this.#listeners]) if (other.topic === ended.topic) other.end()
  }
}
