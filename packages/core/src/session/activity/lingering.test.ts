import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { parseSessionKey, type SessionKey } from '../../base/ids.ts'
import { Lingering } from './lingering.ts'

const key = (name: string): SessionKey => parseSessionKey(`agent:main:${name}`)

test('a sweep that takes long is not joined by another one: each session is swept once', async () => {
  const clock = new ManualClock()
  const swept: string[][] = []
  let isDone = Promise.withResolvers<void>()
  const lingering: Lingering = new Lingering(clock, async (due) => {
    swept.push(due.map((one) => one.slice(-1)))
    await isDone.promise
    for (const one of due) lingering.delete(one)
  })
  lingering.add(key('a'))
  await clock.advance(5_000)
  for (const name of 'bcdefg') {
    lingering.add(key(name))
    await clock.advance(2_000)
  }
  expect(swept).toEqual([['a']])
  isDone.resolve()
  await flushEventLoop()
  isDone = Promise.withResolvers()
  await clock.advance(0)
  expect(swept).toEqual([['a'], ['b', 'c', 'd', 'e']])
  isDone.resolve()
  await clock.advance(10_000)
  expect(swept.flat().join('')).toBe('abcdefg')
  expect(lingering.size).toBe(0)
})

test('what works again begins its time anew, and nothing is swept after the stop', async () => {
  const clock = new ManualClock()
  const swept: SessionKey[] = []
  const lingering: Lingering = new Lingering(clock, async (due) => {
    swept.push(...due)
    for (const one of due) lingering.delete(one)
  })
  lingering.add(key('a'))
  lingering.add(key('b'))
  await clock.advance(4_000)
  lingering.add(key('a'))
  await clock.advance(4_000)
  expect(swept).toEqual([key('b')])
  lingering.stop()
  await clock.advance(10_000)
  expect([swept, lingering.keys]).toEqual([[key('b')], [key('a')]])
})
