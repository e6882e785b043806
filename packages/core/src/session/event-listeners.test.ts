import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { EventListeners } from './event-listeners.ts'
import type { SessionEvent } from './session-event.ts'

const eventOf = (seq: number): SessionEvent => ({ type: 'run-start', seq }) as unknown as SessionEvent
const all = { type: '*', agent: undefined, tenant: undefined }

test('a listener that hangs is told the last ten thousand events when it goes on, and the log how many are gone', async () => {
  const logged: [string, object][] = []
  const listeners = new EventListeners({ log: (_, event, fields = {}) => void logged.push([event, fields]) })
  const gate = Promise.withResolvers<void>()
  const told: number[] = []
  listeners.add(all, async (event) => {
    told.push('seq' in event ? event.seq : 0)
    await gate.promise
  })
  listeners.tell(eventOf(0))
  await flushEventLoop()
  for (let seq = 1; seq <= 10_005; seq++) listeners.tell(eventOf(seq))
  expect(logged).toEqual([['events.listener-too-slow', { type: '*', waiting: 10_000 }]])
  gate.resolve()
  while (told.length < 10_001) await flushEventLoop()
  expect([told[0], told[1], told.at(-1)]).toEqual([0, 6, 10_005])
  expect(logged.at(-1)).toEqual(['events.dropped', { type: '*', events: 5 }])
})

test('what waits is told after a stop, and not after it was cancelled', async () => {
  const listeners = new EventListeners({ log: () => {} })
  const told: string[] = []
  const cancel = listeners.add(all, () => void told.push('cancelled'))
  listeners.add(all, () => void told.push('stopped'))
  listeners.tell(eventOf(1))
  cancel()
  listeners.stop()
  expect(listeners.isEmpty).toBe(true)
  listeners.tell(eventOf(2))
  await flushEventLoop()
  expect(told).toEqual(['stopped'])
})

test('a listener that changes its event changes it for no other listener', async () => {
  const listeners = new EventListeners({ log: () => {} })
  const told: unknown[] = []
  listeners.add(all, (event) => void Object.assign(event, { seq: 'changed' }))
  listeners.add(all, (event) => void told.push('seq' in event && event.seq))
  const event = eventOf(1)
  listeners.tell(event)
  await flushEventLoop()
  expect(told).toEqual([1])
  expect(event).toEqual(eventOf(1))
})
