import { type EventBus, LocalEventBus, type SubscribeOptions } from '@beamclaw/actor'
import { expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { EventsUntilEnd } from './events-until-end.ts'

test('a subscription is ready when the bus says so, and is told of the gaps of the bus', async () => {
  const ready = Promise.withResolvers<void>()
  const given: (SubscribeOptions | undefined)[] = []
  const bus = new LocalEventBus<RunEvent>()
  const events: Pick<EventBus<RunEvent>, 'subscribe'> = {
    subscribe(topic, options) {
      given.push(options)
      return Object.assign(bus.subscribe(topic), { ready: ready.promise })
    },
  }
  let gaps = 0
  const subscription = new EventsUntilEnd(events as EventBus<RunEvent>, () => false).subscribe('topic', { onGap: () => gaps++ })
  expect(subscription.ready).toBe(ready.promise)
  given[0]?.onGap?.()
  expect(gaps).toBe(1)
})
