/** What happens to connections by the clock. */
import { once } from 'node:events'
import { ManualClock } from '@beamclaw/core/testing'
import { expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

test('who does not answer pings is cut off', async () => {
  const clock = new ManualClock()
  await using stage = await scene({ gateway: { services: { clock } } })
  await using alive = await RawClient.connected(stage.url)
  const dead = await RawClient.connected(stage.url, {}, { autoPong: false })
  const pinged = once(dead.ws, 'ping')
  const alsoPinged = once(alive.ws, 'ping')
  await clock.advance(25_000)
  await Promise.all([pinged, alsoPinged])
  // Its pong comes in before the answer to this.
  await alive.ask('health')
  await clock.advance(25_000)
  expect(await dead.closed).toMatchObject({ code: 1006 })
  expect(await alive.ask('status')).toMatchObject({ connections: 1 })
})

test('ticks come every 30 seconds', async () => {
  const clock = new ManualClock()
  await using stage = await scene({ gateway: { services: { clock } } })
  await using client = await RawClient.connected(stage.url)
  await clock.advance(30_000)
  expect(await client.frame(({ event }) => event === 'tick')).toMatchObject({ payload: { ts: clock.now() }, seq: 1 })
})
