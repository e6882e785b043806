import { ManualClock } from '@beamclaw/core/testing'
import { expect, test } from 'vitest'
import { LateServers } from './late-servers.ts'

test('servers that are not there are asked again, at longer and longer intervals, until each is', async () => {
  const clock = new ManualClock()
  const asked: string[] = []
  const there = new Set<string>()
  const discover = async (servers: readonly string[] = []) => {
    asked.push(`${clock.now() / 1_000}: ${servers.join()}`)
    return servers.map((server) => ({ server, isReady: there.has(server) })) as never
  }
  const begun = clock.now() / 1_000
  new LateServers({ discover }, ['a', 'b'], clock).start()
  await clock.advance(4_000)
  there.add('a')
  await clock.advance(20_000)
  there.add('b')
  await clock.advance(1_000_000)
  expect(asked.map((one) => one.replace(/^\d+/, (at) => String(Number(at) - begun)))).toEqual([
    '1: a,b',
    '3: a,b',
    '7: a,b',
    '15: b',
    '31: b',
  ])
})

test('none is asked any more after a stop, nor where none is missing', async () => {
  const clock = new ManualClock()
  let asked = 0
  const discover = async (servers: readonly string[] = []) => {
    asked++
    return servers.map((server) => ({ server, isReady: false })) as never
  }
  new LateServers({ discover }, [], clock).start()
  const late = new LateServers({ discover }, ['a'], clock)
  late.start()
  await clock.advance(1_000)
  late.stop()
  await clock.advance(1_000_000)
  expect(asked).toBe(1)
})
