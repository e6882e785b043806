import { type EventBus, LocalEventBus, type SubscribeOptions, type Subscription, type Topic } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { expect, onTestFinished, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'

const key = 'agent:main:main'

/** As a bus across a network: until its subscriptions take hold, what is published does not reach them. */
class LateBus implements EventBus<RunEvent> {
  readonly #bus = new LocalEventBus<RunEvent>()
  readonly #hold = gate()
  #hasHold = false

  publish(topic: Topic, event: RunEvent): void {
    if (this.#hasHold) this.#bus.publish(topic, event)
  }

  subscribe(topic: Topic, options?: SubscribeOptions): Subscription<RunEvent> {
    const subscription = this.#bus.subscribe(topic, options)
    const ended = gate()
    const stop = subscription.stop.bind(subscription)
    const end = (): Promise<void> => {
      ended.resolve()
      return stop()
    }
    return Object.assign(subscription, { ready: Promise.race([this.#hold.promise, ended.promise]), stop: end })
  }

  takeHold(): void {
    this.#hasHold = true
    this.#hold.resolve()
  }

  stop(): Promise<void> {
    return this.#bus.stop()
  }
}

async function up(): Promise<Stage & { readonly events: LateBus }> {
  const events = new LateBus()
  const set = await stage(new FunctionModel(() => ({ text: 'a b c' })), {}, { events })
  onTestFinished(() => void set.claw.kill())
  return Object.assign(set, { events })
}

async function countOf<T>(values: AsyncIterable<T>, isCounted: (value: T) => boolean = () => true): Promise<number> {
  let count = 0
  for await (const value of values) if (isCounted(value)) count++
  return count
}

test.each<[string, (stream: ReturnType<ReturnType<Stage['claw']['session']>['send']>) => Promise<unknown>, unknown]>([
  ['its events', (run) => countOf(run, ({ type }) => type === 'text-delta'), 3],
  ['its text', (run) => countOf(run.textStream), 3],
  ['its result', async (run) => (await run.result()).text, 'a b c'],
])('a message is sent once the reader of %s misses nothing of it', async (_, read, expected) => {
  const { claw, events, model } = await up()
  const reading = read(claw.session(key).send('hello'))
  await flushEventLoop()
  expect(model.requests).toHaveLength(0)
  events.takeHold()
  expect(await reading).toEqual(expected)
})

test('a reader that comes while a message waits for another one misses nothing either', async () => {
  const { claw, events, model } = await up()
  const run = claw.session(key).send('hello')
  await flushEventLoop()
  const result = run.result()
  await flushEventLoop()
  expect(model.requests).toHaveLength(0)
  events.takeHold()
  expect((await result).text).toBe('a b c')
})
