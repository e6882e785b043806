import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { CountingStore } from '../testing/counting-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'

const key = 'agent:main:main'

async function talked(messages: number) {
  const store = new CountingStore()
  const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })), {}, { store })
  for (let index = 0; index < messages; index++)
    await set.claw
      .session(key)
      .send(`message ${index}`, { idempotencyKey: `k${index}` })
      .result()
  await flushEventLoop()
  return { set, store }
}

async function take(events: AsyncIterable<RunEvent>, count: number): Promise<number[]> {
  const seqs: number[] = []
  for await (const event of events) {
    if ('seq' in event) seqs.push(event.seq)
    if (seqs.length === count) break
  }
  return seqs
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

test('a session that is asleep stays asleep when somebody reads its events, and is told from its first record on', async () => {
  const { set, store } = await talked(50)
  await set.clock.advance(120_000)
  store.loaded = 0
  expect(await take(set.claw.session(key).subscribe(), 250)).toEqual(numbers(250))
  expect(await take(set.claw.session(key).subscribe(201), 50)).toEqual(numbers(250).slice(200))
  expect((await set.claw.session(key).inspect()).isAwake).toBe(false)
  expect(store.loaded).toBe(0)
})

test('a session of an earlier process is read without being started', async () => {
  const { set, store } = await talked(5)
  await set.restart()
  store.loaded = 0
  expect(await take(set.claw.session(key).subscribe(), 25)).toEqual(numbers(25))
  expect(store.loaded).toBe(0)
})

test('a long journal is read page by page, as its reader goes on', async () => {
  const { set, store } = await talked(450)
  store.pages = 0
  const events = set.claw.session(key).subscribe()[Symbol.asyncIterator]()
  await events.next()
  await flushEventLoop()
  expect(store.pages).toBe(1)
  expect(store.paged).toBeLessThanOrEqual(1_000)
  for (let index = 1; index < 1_001; index++) expect((await events.next()).value).toMatchObject({ seq: index + 1 })
  expect(store.pages).toBe(2)
  await events.return?.()
})

test('ten readers of a long journal hold no message up: it is accepted in as many turns as without them', async () => {
  const { set } = await talked(450)
  const session = set.claw.session(key)
  const turnsUntilAccepted = async (id: string): Promise<number> => {
    let isAccepted = false
    let turns = 0
    session.send('and now', { idempotencyKey: id }).accepted.then(() => {
      isAccepted = true
    })
    while (!isAccepted) {
      turns++
      await Promise.resolve()
    }
    return turns
  }
  const alone = await turnsUntilAccepted('alone')
  await session.follow('alone').result()
  const stop = new AbortController()
  let told = 0
  const readers = Array.from({ length: 10 }, async () => {
    for await (const _ of session.subscribe(1, { signal: stop.signal })) told++
  })
  const beside = await turnsUntilAccepted('beside')
  expect(told).toBeLessThan(10 * 2_000)
  expect(beside).toBeLessThanOrEqual(alone + 5)
  await session.follow('beside').result()
  stop.abort()
  await Promise.all(readers)
})

test('a reader that falls behind the bus reads pages again, and gets every record once', async () => {
  const { set } = await talked(1)
  const session = set.claw.session(key)
  const events = session.subscribe()[Symbol.asyncIterator]()
  for (let index = 0; index < 3; index++) await events.next()
  const chatty = new FunctionModel(() => ({ text: Array.from({ length: 5_000 }, () => 'w').join(' ') }))
  set.model.doStream = chatty.doStream.bind(chatty)
  for (let index = 0; index < 3; index++) await session.send(`more ${index}`).result()
  const seqs: number[] = []
  while (seqs.at(-1) !== 20) {
    const { value } = await events.next()
    if ('seq' in value) seqs.push(value.seq)
  }
  expect(seqs).toEqual(numbers(20).slice(3))
  await events.return?.()
})

describe('a reader of a store that never answers', () => {
  async function hung() {
    const { set, store } = await talked(1)
    store.readLog = () => new Promise(() => {})
    const next = set.claw.session(key).subscribe()[Symbol.asyncIterator]().next()
    next.catch(() => {})
    await flushEventLoop()
    return { set, next }
  }

  test('is told so after a minute', async () => {
    const { set, next } = await hung()
    await set.clock.advance(60_000)
    await expect(next).rejects.toMatchObject({ code: 'call-timeout' })
    expect(
      (
        await set.claw
          .session(key)
          .send('next')
          .result()
          .catch((error) => error)
      ).code,
    ).toBeUndefined()
  })

  test('is told when the sessions end', async () => {
    const { set, next } = await hung()
    set.claw.kill()
    await expect(next).rejects.toMatchObject({ code: 'actor-not-running' })
  })
})
