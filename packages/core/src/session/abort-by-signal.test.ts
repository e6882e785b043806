import { getEventListeners } from 'node:events'
import { type EventBus, LocalEventBus, type Subscription } from '@beamclaw/actor'
import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { sendWithSignal } from './abort-by-signal.ts'
import type { SendReceipt } from './session-replies.ts'

const accepted = { runId: 'one', status: 'accepted', seq: 1, ended: undefined } as unknown as SendReceipt
const over = { ...accepted, status: 'completed', ended: { outcome: 'completed' } } as unknown as SendReceipt

/** A run on a bus whose subscriptions are looked at. */
function listening(send: () => Promise<SendReceipt>, ready?: Promise<void>) {
  const bus = new LocalEventBus<RunEvent>()
  const state = { found: accepted as SendReceipt | Error, finds: 0, aborts: 0, tellGap: undefined as (() => void) | undefined }
  const subscriptions: Subscription<RunEvent>[] = []
  const events: Pick<EventBus<RunEvent>, 'subscribe'> = {
    subscribe(topic, options) {
      const subscription = bus.subscribe(topic, options)
      subscriptions.push(subscription)
      state.tellGap = options?.onGap
      return ready === undefined ? subscription : Object.assign(subscription, { ready })
    },
  }
  const controller = new AbortController()
  const { signal } = controller
  const abort = async (): Promise<void> => void state.aborts++
  const find = async (): Promise<SendReceipt> => {
    state.finds++
    if (state.found instanceof Error) throw state.found
    return state.found
  }
  const sent = sendWithSignal({ signal, events: events as EventBus<RunEvent>, topic: 't', send, find, abort })
  const end = async (runId: string, type = 'run-end'): Promise<void> => {
    bus.publish('t', { type, runId, sessionKey: 's', seq: 2, outcome: 'completed' } as unknown as RunEvent)
    await flushEventLoop()
  }
  /** True once nothing listens any more, neither to the signal nor on the bus. */
  const isOver = async (): Promise<boolean> => {
    await flushEventLoop()
    const [subscription] = subscriptions
    const next = await Promise.race([subscription?.[Symbol.asyncIterator]().next(), flushEventLoop().then(() => 'waits')])
    return getEventListeners(signal, 'abort').length === 0 && typeof next === 'object' && next.done === true
  }
  return { sent, controller, state, end, isOver }
}

test('a signal aborts its run also after another run of the session has ended', async () => {
  const { sent, controller, state, end } = listening(async () => accepted)
  await sent
  await end('other')
  controller.abort()
  expect(state.aborts).toBe(1)
})

test('a signal is let go of once its run is over, also as part of another run', async () => {
  const { sent, controller, state, end, isOver } = listening(async () => accepted)
  await sent
  state.found = over
  await end('other')
  expect(await isOver()).toBe(true)
  controller.abort()
  expect(state.aborts).toBe(0)
})

test('a signal is let go of when its session is deleted', async () => {
  const { sent, end, isOver } = listening(async () => accepted)
  await sent
  await end('deletion', 'session-delete')
  expect(await isOver()).toBe(true)
})

test.each<[string, () => Promise<SendReceipt>]>([
  ['was over before', async () => over],
  ['was not accepted', () => Promise.reject(new Error('no'))],
])('nothing listens for a run that %s', async (_, send) => {
  const { sent, isOver } = listening(send)
  await sent.catch(() => {})
  expect(await isOver()).toBe(true)
})

test('a signal is let go of when the bus has lost the end of its run', async () => {
  const { sent, state, isOver } = listening(async () => accepted)
  await sent
  state.tellGap?.()
  await flushEventLoop()
  state.found = over
  state.tellGap?.()
  expect(await isOver()).toBe(true)
})

test('a signal is kept after a gap while its run goes on, and while the session cannot say', async () => {
  const { sent, state, controller } = listening(async () => accepted)
  await sent
  state.tellGap?.()
  await flushEventLoop()
  state.found = new BeamClawError('call-timeout', 'later')
  state.tellGap?.()
  await flushEventLoop()
  controller.abort()
  expect(state.aborts).toBe(1)
})

test('a signal is let go of after a gap when the run is unknown by then', async () => {
  const { sent, state, isOver } = listening(async () => accepted)
  await sent
  state.found = new BeamClawError('unknown-run', 'deleted')
  state.tellGap?.()
  expect(await isOver()).toBe(true)
})

test('a gap while the message is sent is looked into once it is accepted', async () => {
  const sending = gate()
  const { sent, state, isOver } = listening(async () => {
    await sending.promise
    return accepted
  })
  state.tellGap?.()
  await flushEventLoop()
  expect(state.finds).toBe(0)
  state.found = over
  sending.resolve()
  await sent
  expect(await isOver()).toBe(true)
})

test('a run that ended before its subscription had taken hold is found once it has', async () => {
  const ready = gate()
  const { sent, state, isOver } = listening(async () => accepted, ready.promise)
  await sent
  state.found = over
  await flushEventLoop()
  expect(state.finds).toBe(0)
  ready.resolve()
  expect(await isOver()).toBe(true)
})

test('no session is asked while the bus misses nothing', async () => {
  const { sent, state } = listening(async () => accepted)
  await sent
  await flushEventLoop()
  expect(state.finds).toBe(0)
})
