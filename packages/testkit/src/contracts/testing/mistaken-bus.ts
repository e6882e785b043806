/** A plain event bus that is correct, but for the one flaw that it is asked to have. */
import { BeamClawError, type EventBus, type SubscribeOptions, type Subscription, type Topic } from '@beamclaw/core'

/** Planted mistakes of event buses, each with the contract test that catches it. */
export const busMistakes = {
  'delivers the newest first': 'a subscriber gets the events of its topic in order',
  'delivers to the first subscriber only': 'every subscriber gets every event, and other topics none',
  'delivers to the last subscriber only': 'every subscriber gets every event, and other topics none',
  'delivers every event twice': 'a subscriber gets the events of its topic in order',
  'delivers to every topic': 'every subscriber gets every event, and other topics none',
  'delivers to topics that begin with the name': 'every subscriber gets every event, and other topics none',
  'folds topics by case': 'topics are told apart by every character',
  'folds topics by Unicode normalisation': 'topics are told apart by every character',
  'trims topics': 'topics are told apart by every character',
  'cuts topics after 255 characters': 'topics are told apart by every character',
  'keeps topics in an object with a prototype': 'topics are told apart by every character',
  'takes * in a topic for a pattern': 'topics are told apart by every character',
  'tells late subscribers the last event again': 'a late subscriber receives no earlier event',
  'tells late subscribers everything again': 'a late subscriber receives no earlier event',
  'throws without subscribers': 'publishing without subscribers does nothing',
  'throws when the buffer is full': 'the count of what was dropped stays when the subscription ends',
  'loses what a subscriber publishes while it listens': 'a subscriber may publish while it listens',
  'loses a burst of more than a hundred events': 'a burst arrives whole while it fits the buffer',
  'drops the newest when the buffer is full': 'the count of what was dropped stays when the subscription ends',
  'ignores maxBuffered': 'the count of what was dropped stays when the subscription ends',
  'keeps one event more than maxBuffered': 'the count of what was dropped stays when the subscription ends',
  'keeps one event less than maxBuffered': 'a burst arrives whole while it fits the buffer',
  'never counts what it dropped': 'the count of what was dropped stays when the subscription ends',
  'counts every event as dropped': 'a burst arrives whole while it fits the buffer',
  'counts what it dropped for all subscribers together': 'a slow subscriber loses the oldest events, and no other subscriber does',
  'forgets the count of what it dropped when the subscription ends': 'the count of what was dropped stays when the subscription ends',
  'lets a full subscriber drop for all': 'a slow subscriber loses the oldest events, and no other subscriber does',
  'goes on collecting after the loop was left': 'leaving the loop ends the subscription',
  'does not end a wait when it is stopped': 'disposing ends a subscription',
  'does not end a wait when the signal is aborted': 'a subscription that has ended leaves nothing on a signal that outlives it',
  'ignores a signal that was aborted before': 'a signal that was aborted before makes a subscription that is over',
  'throws what is buffered away when it is stopped': 'what is buffered at the end can still be read, what comes later cannot',
  'collects what comes after the stop': 'leaving the loop ends the subscription',
  'rejects a second stop of a subscription': 'stop and the signal end a wait for the next event',
  'ends every subscription of a topic with one': 'one subscription that ends leaves the others alone',
  'ends every subscription of the bus with one': 'one subscription that ends leaves the others alone',
  'does not end when it is disposed': 'disposing ends a subscription',
  'leaves its listener on the signal': 'a subscription that has ended leaves nothing on a signal that outlives it',
  'leaves subscriptions waiting when the bus stops':
    'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'rejects a second stop of the bus': 'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'refuses subscriptions after the stop': 'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'lets subscriptions after the stop wait for ever':
    'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'throws when something is published after the stop':
    'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'delivers after the stop of the bus': 'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing',
  'shares its subscribers with other buses': 'buses that have nothing to do with each other share nothing',
  'takes an empty topic': 'a topic must have 1 to 600 characters',
  'takes a topic of 601 characters': 'a topic must have 1 to 600 characters',
  'refuses a topic of 600 characters': 'a topic must have 1 to 600 characters',
  'throws a plain error for a bad topic': 'a topic must have 1 to 600 characters',
  'takes a maxBuffered of 0': 'options that make no sense are refused',
  'takes a maxBuffered that is no whole number': 'options that make no sense are refused',
  'takes options that it does not know': 'options that make no sense are refused',
} as const satisfies Readonly<Record<string, string>>

export type BusFlaw = keyof typeof busMistakes

const shared = { listeners: new Set<PlainSubscription>() }

function refuse(problem: string, isPlain = false): never {
  throw isPlain ? new Error(problem) : new BeamClawError('invalid-option', problem)
}

export class MistakenBus implements EventBus<never> {
  readonly #flaw: BusFlaw | undefined
  readonly #listeners: Set<PlainSubscription>
  readonly #told: { readonly topic: string; readonly event: unknown }[] = []
  readonly #byName: Record<string, true> = {}
  #burst = 0
  #isStopped = false

  constructor(flaw: BusFlaw | undefined) {
    this.#flaw = flaw
    this.#listeners = flaw === 'shares its subscribers with other buses' ? shared.listeners : new Set()
  }

  publish(topic: Topic, event: unknown): void {
    const has = (flaw: BusFlaw): boolean => this.#flaw === flaw
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
      if (this.#flaw === 'refuses subscriptions after the stop') throw new Error('stopped')
      if (this.#flaw !== 'lets subscriptions after the stop wait for ever') subscription.end()
      return subscription as Subscription<never>
    }
    if (!subscription.isEnded) this.#listeners.add(subscription)
    this.#byName[topic] = true
    const before = this.#told.filter((told) => told.topic === topic).map(({ event }) => event)
    if (this.#flaw === 'tells late subscribers the last event again') for (const event of before.slice(-1)) subscription.offer(event)
    if (this.#flaw === 'tells late subscribers everything again') for (const event of before) subscription.offer(event)
    return subscription as Subscription<never>
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
    const unknown = Object.keys(rest).filter((name) => name !== 'signal')
    if (unknown.length > 0 && this.#flaw !== 'takes options that it does not know') refuse(`unknown ${unknown}`)
  }

  #ended(ended: PlainSubscription): void {
    this.#listeners.delete(ended)
    if (this.#flaw === 'ends every subscription of the bus with one') for (const other of [...this.#listeners]) other.end()
    if (this.#flaw !== 'ends every subscription of a topic with one') return
    for (const other of [...this.#listeners]) if (other.topic === ended.topic) other.end()
  }
}

class PlainSubscription implements Subscription<unknown> {
  readonly topic: string
  readonly #flaw: BusFlaw | undefined
  readonly #room: number
  readonly #buffer: unknown[] = []
  readonly #onEnd: (ended: PlainSubscription) => void
  readonly #signal: AbortSignal | undefined
  dropped = 0
  hasJustDropped = false
  isReading = false
  isEnded = false
  #stops = 0
  #wake = (): void => {}

  constructor(flaw: BusFlaw | undefined, topic: string, options: SubscribeOptions, onEnd: (ended: PlainSubscription) => void) {
    this.#flaw = flaw
    this.topic = topic
    this.#onEnd = onEnd
    const { maxBuffered = 1_000, signal } = options
    const off = flaw === 'keeps one event more than maxBuffered' ? 1 : flaw === 'keeps one event less than maxBuffered' ? -1 : 0
    this.#room = flaw === 'ignores maxBuffered' ? 1_000 : maxBuffered + off
    this.#signal = signal
    if (flaw !== 'does not end a wait when the signal is aborted') signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted === true && flaw !== 'ignores a signal that was aborted before') this.end()
  }

  readonly #abort = (): void => this.end()

  offer(event: unknown): void {
    if (this.isEnded && this.#flaw !== 'collects what comes after the stop') return
    this.hasJustDropped = this.#buffer.length >= this.#room
    if (this.#flaw === 'counts every event as dropped') this.dropped++
    if (this.hasJustDropped) {
      if (this.#flaw !== 'never counts what it dropped' && this.#flaw !== 'counts every event as dropped') this.dropped++
      if (this.#flaw === 'drops the newest when the buffer is full') return
      this.dropOldest()
    }
    if (this.#flaw === 'delivers the newest first') this.#buffer.unshift(event)
    else this.#buffer.push(event)
    this.#wake()
  }

  dropOldest(): void {
    this.#buffer.shift()
  }

  end(): void {
    if (this.isEnded) return
    this.isEnded = true
    if (this.#flaw !== 'leaves its listener on the signal') this.#signal?.removeEventListener('abort', this.#abort)
    if (this.#flaw === 'throws what is buffered away when it is stopped') this.#buffer.length = 0
    if (this.#flaw === 'forgets the count of what it dropped when the subscription ends') this.dropped = 0
    if (this.#flaw !== 'collects what comes after the stop') this.#onEnd(this)
    if (this.#flaw !== 'does not end a wait when it is stopped') this.#wake()
  }

  async stop(): Promise<void> {
    if (this.#stops++ > 0 && this.#flaw === 'rejects a second stop of a subscription') throw new Error('stopped')
    this.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#flaw !== 'does not end when it is disposed') await this.stop()
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    const ended = { done: true, value: undefined } as const
    return {
      next: async () => {
        this.isReading = true
        while (this.#buffer.length === 0) {
          if (this.isEnded) return ended
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
        return { done: false, value: this.#buffer.shift() }
      },
      return: async () => {
        if (this.#flaw !== 'goes on collecting after the loop was left') this.end()
        return ended
      },
    }
  }
}
