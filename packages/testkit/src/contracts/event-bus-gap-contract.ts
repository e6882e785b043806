/** The part of the EventBus contract that says from when on, and whether, a subscriber has everything. */
import * as assert from './assert.ts'
import { publish, settle, type EventBusTests as Tests, take, topic } from './event-bus-fixtures.ts'

export const readyTests: Tests = {
  async 'what is published once a subscription is ready arrives'({ bus, peer = bus }) {
    const subscription = peer.subscribe(topic)
    await subscription.ready
    publish(bus, 1, 3)
    assert.equal(await take(subscription, 3), [1, 2, 3])
  },
  async 'ready resolves for a subscription that has ended, however it ended'({ bus, peer = bus }) {
    const abort = new AbortController()
    const subscriptions = [peer.subscribe(topic), peer.subscribe(topic, { signal: abort.signal }), peer.subscribe(topic)]
    const ready = Promise.all(subscriptions.map((subscription) => subscription.ready))
    await subscriptions[0]?.stop()
    abort.abort()
    await peer.stop()
    await ready
    await peer.subscribe(topic).ready
    await peer.subscribe(topic, { signal: AbortSignal.abort() }).ready
  },
}

export const gapTests: Tests = {
  async 'onGap is not called inside subscribe, nor after the end of the subscription'(subject) {
    const { bus, peer = bus } = subject
    const calls: string[] = []
    let now = 'inside subscribe'
    const subscription = peer.subscribe(topic, { onGap: () => calls.push(now) })
    now = 'later'
    await settle(subject)
    await subscription.stop()
    now = 'after the end'
    publish(bus, 1, 3)
    await settle(subject)
    assert.equal(
      calls.filter((call) => call !== 'later'),
      [],
    )
  },
  async 'events that were lost are told to every subscriber by onGap, and later ones arrive'(subject) {
    const { bus, peer = bus, lose } = subject
    if (lose === undefined) return
    const gaps = [0, 0]
    const subscriptions = gaps.map((_, n) => peer.subscribe(topic, { onGap: () => (gaps[n] = 1) }))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    await lose.call(subject, () => publish(bus, 1, 3))
    assert.equal(gaps, [1, 1])
    publish(bus, 4, 5)
    assert.equal(await Promise.all(subscriptions.map((subscription) => take(subscription, 2))), [
      [4, 5],
      [4, 5],
    ])
  },
  async 'onGap that throws harms no other subscriber'(subject) {
    const { bus, peer = bus, lose } = subject
    if (lose === undefined) return
    const isTold = [false, false]
    const tell = (n: number) => () => {
      isTold[n] = true
      throw new Error('the subscriber fails')
    }
    const subscriptions = isTold.map((_, n) => peer.subscribe(topic, { onGap: tell(n) }))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    await lose.call(subject, () => publish(bus, 1, 3))
    assert.equal(isTold, [true, true])
  },
}
