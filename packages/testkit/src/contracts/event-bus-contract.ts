/** The contract of the EventBus port as a test suite: an adapter that passes it is a correct EventBus. */
import type { SubscribeOptions } from '@beamclaw/core'
import * as assert from './assert.ts'
import { type ContractOptions, declareContract } from './contract.ts'
import { drain, type EventBusUnderTest, publish, settle, type EventBusTests as Tests, take, topic } from './event-bus-fixtures.ts'
import { gapTests, readyTests } from './event-bus-gap-contract.ts'
import { range } from './store-fixtures.ts'

export type { ContractEvent, EventBusUnderTest } from './event-bus-fixtures.ts'

const deliveryTests: Tests = {
  async 'a subscriber gets the events of its topic in order'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 1, 100)
    assert.equal(await take(subscription, 100), range(1, 100))
  },
  async 'every subscriber gets every event, and other topics none'(subject) {
    const { bus, peer = bus } = subject
    const [one, two, other] = [bus.subscribe(topic), peer.subscribe(topic), peer.subscribe(`${topic}:other`)]
    await settle(subject)
    publish(bus, 1, 3)
    publish(bus, 7, 7, `${topic}:other`)
    assert.equal(await Promise.all([take(one, 3), take(two, 3), take(other, 1)]), [[1, 2, 3], [1, 2, 3], [7]])
  },
  async 'a late subscriber receives no earlier event'(subject) {
    const { bus, peer = bus } = subject
    publish(bus, 1, 3)
    await settle(subject)
    const late = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 4, 4)
    assert.equal(await take(late, 1), [4])
  },
  async 'publishing without subscribers does nothing'({ bus }) {
    assert.doesNotThrow(() => publish(bus, 1, 10))
  },
  async 'a burst arrives whole while it fits the buffer'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 1, 1_000)
    await settle(subject)
    assert.equal(await take(subscription, 1_000), range(1, 1_000))
    assert.equal(subscription.dropped, 0)
  },
  async 'a subscriber may publish while it listens'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 1, 1)
    const heard: number[] = []
    for await (const { n } of subscription) {
      heard.push(n)
      if (n === 5) break
      peer.publish(topic, { n: n + 1 })
    }
    assert.equal(heard, [1, 2, 3, 4, 5])
  },
  async 'topics are told apart by every character'(subject) {
    const { bus, peer = bus } = subject
    const topics = ['a', 'A', 'a:', 'a*', 'a b', ' a', 'a ', 'ä', 'a\u0308', '__proto__', `${'x'.repeat(599)}1`, `${'x'.repeat(599)}2`]
    const subscriptions = topics.map((name) => peer.subscribe(name))
    await settle(subject)
    for (const [n, name] of topics.entries()) bus.publish(name, { n })
    assert.equal(
      await Promise.all(subscriptions.map((subscription) => take(subscription, 1))),
      topics.map((_, n) => [n]),
    )
  },
}

const bufferTests: Tests = {
  async 'a slow subscriber loses the oldest events, and no other subscriber does'(subject) {
    const { bus, peer = bus } = subject
    const [slow, patient] = [peer.subscribe(topic, { maxBuffered: 3 }), peer.subscribe(topic)]
    await settle(subject)
    publish(bus, 1, 10)
    await settle(subject)
    assert.equal(slow.dropped, 7)
    assert.equal(await take(slow, 3), [8, 9, 10])
    assert.equal(patient.dropped, 0)
    assert.equal(await take(patient, 10), range(1, 10))
  },
  async 'the count of what was dropped stays when the subscription ends'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic, { maxBuffered: 1 })
    await settle(subject)
    publish(bus, 1, 5)
    await settle(subject)
    await subscription.stop()
    assert.equal(await drain(subscription), [5])
    assert.equal(subscription.dropped, 4)
  },
}

const endTests: Tests = {
  async 'leaving the loop ends the subscription'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 1, 1)
    assert.equal(await take(subscription, 1), [1])
    publish(bus, 2, 2)
    await settle(subject)
    assert.equal(await drain(subscription), [])
  },
  async 'stop and the signal end a wait for the next event'(subject) {
    const { bus, peer = bus } = subject
    const abort = new AbortController()
    const [stopped, aborted] = [peer.subscribe(topic), peer.subscribe(topic, { signal: abort.signal })]
    const waiting = Promise.all([drain(stopped), drain(aborted)])
    await settle(subject)
    await stopped.stop()
    await stopped.stop()
    abort.abort()
    assert.equal(await waiting, [[], []])
  },
  async 'what is buffered at the end can still be read, what comes later cannot'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    await settle(subject)
    publish(bus, 1, 2)
    await settle(subject)
    await subscription.stop()
    publish(bus, 3, 3)
    await settle(subject)
    assert.equal(await drain(subscription), [1, 2])
  },
  async 'one subscription that ends leaves the others alone'(subject) {
    const { bus, peer = bus } = subject
    const [one, same, other] = [bus.subscribe(topic), peer.subscribe(topic), peer.subscribe(`${topic}:other`)]
    await settle(subject)
    await one.stop()
    publish(bus, 1, 2)
    publish(bus, 7, 7, `${topic}:other`)
    assert.equal(await Promise.all([take(same, 2), take(other, 1)]), [[1, 2], [7]])
  },
  async 'disposing ends a subscription'(subject) {
    const { bus, peer = bus } = subject
    const subscription = peer.subscribe(topic)
    const waiting = drain(subscription)
    await subscription[Symbol.asyncDispose]()
    assert.equal(await waiting, [])
  },
  async 'a subscription that has ended leaves nothing on a signal that outlives it'(subject) {
    const { bus, peer = bus } = subject
    const { signal } = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...given: unknown[]) => {
      listeners++
      addEventListener.apply(signal, given as Parameters<typeof addEventListener>)
    }
    signal.removeEventListener = (...given: unknown[]) => {
      listeners--
      removeEventListener.apply(signal, given as Parameters<typeof removeEventListener>)
    }
    await peer.subscribe(topic, { signal }).stop()
    assert.equal(listeners, 0)
  },
  async 'buses that have nothing to do with each other share nothing'(subject) {
    const { bus, another } = subject
    const stranger = another?.()
    if (stranger === undefined) return
    const [here, there] = [bus.subscribe(topic), stranger.subscribe(topic)]
    await settle(subject)
    publish(bus, 1, 1)
    publish(stranger, 2, 2)
    assert.equal(await Promise.all([take(here, 1), take(there, 1)]), [[1], [2]])
    const waiting = bus.subscribe(topic)
    await stranger.stop()
    await settle(subject)
    publish(bus, 3, 3)
    assert.equal(await take(waiting, 1), [3])
  },
  async 'a signal that was aborted before makes a subscription that is over'({ bus }) {
    assert.equal(await drain(bus.subscribe(topic, { signal: AbortSignal.abort() })), [])
  },
  async 'a bus that was stopped ends its subscriptions, new ones too, and publishing does nothing'(subject) {
    const { bus } = subject
    const before = bus.subscribe(topic)
    await settle(subject)
    const waiting = drain(before)
    await bus.stop()
    await bus.stop()
    assert.equal(await waiting, [])
    assert.doesNotThrow(() => publish(bus, 1, 1))
    assert.equal(await drain(bus.subscribe(topic)), [])
  },
}

const inputTests: Tests = {
  async 'a topic must have 1 to 600 characters'({ bus }) {
    for (const wrong of ['', 'x'.repeat(601)])
      assert.matches(
        assert.throws(() => bus.subscribe(wrong), `a topic of ${wrong.length} characters`),
        { code: 'invalid-option' },
      )
    await bus.subscribe('x'.repeat(600)).stop()
  },
  async 'options that make no sense are refused'({ bus }) {
    for (const wrong of [{ maxBuffered: 0 }, { maxBuffered: -1 }, { maxBuffered: 1.5 }, { maxBuffred: 3 }, { onGap: 'call' }])
      assert.matches(
        assert.throws(() => bus.subscribe(topic, wrong as unknown as SubscribeOptions), JSON.stringify(wrong)),
        { code: 'invalid-option' },
      )
  },
}

const sections = {
  delivery: deliveryTests,
  ready: readyTests,
  gap: gapTests,
  buffer: bufferTests,
  end: endTests,
  input: inputTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type EventBusContractSection = keyof typeof sections

/** The `describe` and `it` of the test runner, and the sections to skip, each with a reason. */
export type EventBusContractOptions = ContractOptions<EventBusContractSection>

/**
 * Declares the contract's tests; call it at the top level of a test file. `makeBus` is called once for each test.
 *
 * @example
 * eventBusContract('MyBus', () => ({ bus: new MyBus() }), { describe, it })
 */
export function eventBusContract(
  name: string,
  makeBus: () => EventBusUnderTest | Promise<EventBusUnderTest>,
  options: EventBusContractOptions,
): void {
  const dispose = async ({ bus, peer, dispose: rest }: EventBusUnderTest): Promise<void> => {
    await bus.stop()
    await peer?.stop()
    await rest?.()
  }
  declareContract({
    suite: 'eventBusContract',
    title: `${name} keeps the EventBus contract`,
    sections,
    make: makeBus,
    adapters: ['bus'],
    dispose,
    options,
  })
}
