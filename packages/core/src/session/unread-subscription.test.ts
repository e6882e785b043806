import { LocalEventBus, type SubscribeOptions, type Subscription, type Topic } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { zeroUsage } from '../base/messages.ts'
import type { Provider } from '../ports/provider.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'

const key = 'agent:main:main'

/** Counts its open subscriptions. */
class CountingBus extends LocalEventBus<RunEvent> {
  open = 0

  override subscribe(topic: Topic, options?: SubscribeOptions): Subscription<RunEvent> {
    const subscription = super.subscribe(topic, options)
    this.open++
    let isOpen = true
    const stop = subscription.stop.bind(subscription)
    subscription.stop = async () => {
      if (isOpen) this.open--
      isOpen = false
      return stop()
    }
    return subscription
  }
}

/** Counts the listeners of a signal. */
function countedSignal(): { readonly signal: AbortSignal; readonly count: () => number } {
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++
    return addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--
    return removeEventListener.apply(signal, args)
  }
  return { signal, count: () => listeners }
}

async function up(): Promise<Stage & { readonly events: CountingBus }> {
  const events = new CountingBus()
  const set = await stage(new FunctionModel(() => ({ text: 'a b c' })), {}, { events })
  onTestFinished(() => void set.claw.kill())
  return Object.assign(set, { events })
}

async function readAll(events: AsyncIterable<RunEvent>): Promise<readonly string[]> {
  const types: string[] = []
  for await (const { type } of events) {
    types.push(type)
    if (type === 'run-end') break
  }
  return types
}

test('a subscription that nobody reads lets go of the bus and of the signal', async () => {
  const { claw, events, clock } = await up()
  const { signal, count } = countedSignal()
  claw.session(key).subscribe(1, { signal, waitForFirstMessage: true })
  expect([events.open, count()]).toEqual([1, 1])
  await clock.advance(1_000)
  expect([events.open, count(), clock.pendingTimers]).toEqual([0, 0, 0])
})

test('a subscription that is read after that has every durable event, and new ones', async () => {
  const { claw, events, clock } = await up()
  const session = claw.session(key)
  const subscribed = session.subscribe(1, { waitForFirstMessage: true })
  await clock.advance(1_000)
  await session.send('one').result()
  const durable = ['message-accepted', 'run-start', 'model-request', 'message', 'run-end']
  expect(await readAll(subscribed)).toEqual(durable)
  expect(events.open).toBe(0)
  const next = session.subscribe((await session.history()).seq + 1)
  await clock.advance(1_000)
  const read = readAll(next)
  await flushEventLoop()
  await session.send('two').result()
  expect(await read).toEqual(expect.arrayContaining(['message-accepted', 'text-delta', 'run-end']))
})

test('a subscription that is read within a second has every piece of the answer under way since the call', async () => {
  const held = gate()
  const model: Provider = {
    async *doStream() {
      yield { type: 'text-delta', text: 'a ' }
      await held.promise
      yield { type: 'text-delta', text: 'b' }
      yield { type: 'finish', reason: 'stop', usage: zeroUsage }
    },
  }
  const { claw } = await stage(new FunctionModel(() => ({})), {}, { providers: { test: model } })
  onTestFinished(() => void claw.kill())
  const session = claw.session(key)
  const subscribed = session.subscribe(1, { waitForFirstMessage: true })
  await session.send('one').accepted
  await flushEventLoop()
  const read = readAll(subscribed)
  held.resolve()
  expect((await read).filter((type) => type === 'text-delta')).toHaveLength(2)
})

test('a subscription that is left before it was read is over', async () => {
  const { claw, events, clock } = await up()
  const iterator = claw.session(key).subscribe(1, { waitForFirstMessage: true })[Symbol.asyncIterator]()
  await iterator.return?.()
  expect([events.open, clock.pendingTimers]).toEqual([0, 0])
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
})
