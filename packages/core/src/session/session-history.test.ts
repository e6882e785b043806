import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { Message } from '../base/messages.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('a session at rest', () => {
  test('lets its history go after a while, and has it again for the next message', async () => {
    const { claw, clock, model } = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })))
    const session = claw.session(key)
    await session.send('one').result()
    await clock.advance(60_001)
    expect(await session.inspect()).toMatchObject({ isAwake: false })
    await session.send('two').result()
    expect(model.requests[1]?.messages).toHaveLength(3)
    expect(await session.inspect()).toMatchObject({ isAwake: true, historyLength: 4 })
  })

  test('takes a snapshot once its journal is long, and remembers as before', async () => {
    const set = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })))
    for (let index = 0; index < 45; index++)
      await set.claw
        .session(key)
        .send(`message ${index}`, { idempotencyKey: `k${index}` })
        .result()
    await flushEventLoop()
    await set.restart()
    const late = await set.claw.session(key).send('message 44', { idempotencyKey: 'k44' }).result()
    expect(late.text).toBe('answer 44')
    await set.claw.session(key).send('last').result()
    expect(set.model.requests.at(-1)?.messages).toHaveLength(91)
    const told: number[] = []
    for await (const event of set.claw.session(key).subscribe()) {
      if ('seq' in event) told.push(event.seq)
      if (event.type === 'run-end' && event.seq === 230) break
    }
    expect(told).toEqual(Array.from({ length: 230 }, (_, index) => index + 1))
  })

  test('replays its events from any place, then follows', async () => {
    const { claw } = await stage(new FunctionModel((_request, index) => ({ text: `answer ${index}` })))
    const session = claw.session(key)
    await session.send('one').result()
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of session.subscribe(4)) {
        seen.push(event.type)
        if (event.type === 'run-end' && event.seq > 5) return
      }
    })()
    await flushEventLoop()
    await session.send('two').result()
    await reading
    expect(seen).toEqual([
      'message',
      'run-end',
      'message-accepted',
      'run-start',
      'model-request',
      'text-delta',
      'text-delta',
      'message',
      'run-end',
    ])
  })
})

describe('a long history', () => {
  test('gives way to a summary before the next turn, and calls keep their results', async () => {
    const model = new FunctionModel(({ system }, index) =>
      system?.startsWith('Summarise') ? { text: 'They talked at length.' } : { text: `${index} ${'x'.repeat(2_000)}` },
    )
    const { claw } = await stage(model, { compactAboveTokens: 2_000 })
    const session = claw.session(key)
    const events: RunEvent[] = []
    for (let index = 0; index < 6; index++) events.push(...(await collect(session.send(`message ${index}`))))
    const compactions = events.filter(({ type }) => type === 'history-compact')
    expect(compactions.length).toBeGreaterThan(0)
    expect(model.requests.at(-1)?.messages[0]?.content).toContain('They talked at length.')
    expect((await session.inspect()).historyTokens).toBeLessThan(3_500)
  })

  test('that is too long for the model is compacted once, and the question asked again', async () => {
    let overflows = 0
    const model = new FunctionModel(({ system }) => {
      if (system?.startsWith('Summarise')) return { text: 'Summary.' }
      return overflows-- > 0 ? { fails: new BeamClawError('provider-context-overflow', 'too long') } : { text: 'fits' }
    })
    const { claw } = await stage(model, { compactAboveTokens: 2_000 })
    await claw.session(key).send('x'.repeat(4_000)).result()
    overflows = 1
    const run = claw.session(key).send('a question')
    const events = await collect(run)
    expect(events.map(({ type }) => type)).toContain('history-compact')
    expect((await run.result()).text).toBe('fits')
  })

  test('that stays too long fails the run with the reason', async () => {
    const model = new FunctionModel(({ system }) =>
      system?.startsWith('Summarise') ? { text: 'Summary.' } : { fails: new BeamClawError('provider-context-overflow', 'too long') },
    )
    const { claw } = await stage(model)
    await expect(claw.session(key).send('a question').result()).rejects.toMatchObject({ code: 'provider-context-overflow' })
  })
})

describe('long answers of tools', () => {
  test('are shown whole for three turns, and shortened many at a time, so that caches of services last; the history keeps them', async () => {
    const long = `start ${'x'.repeat(30_000)} end`
    const turns = 5
    const model = new FunctionModel((_request, index) =>
      index < turns ? { calls: [{ id: `call-${index}`, name: 'look', input: { index } }] } : { text: 'seen' },
    )
    const look = defineTool({ name: 'look', description: 'looks', execute: (input) => `${JSON.stringify(input)} ${long}` })
    const { claw } = await stage(model, { tools: [look] })
    const session = claw.session(key)
    await session.send('look').result()
    const lengths = (messages: readonly Message[] = []): number[] =>
      messages.flatMap((message) => (message.role === 'tool' ? message.content.map(({ content }) => content.length) : []))
    expect(lengths(model.requests.at(-2)?.messages).every((length) => length > 30_000)).toBe(true)
    const shown = lengths(model.requests.at(-1)?.messages)
    expect(shown.map((length) => length > 30_000)).toEqual([false, false, true, true, true])
    expect(shown.slice(0, 2).every((length) => length > 3_000 && length < 3_100)).toBe(true)
    const { messages } = await session.history()
    expect(lengths(messages.map(({ message }) => message)).every((length) => length > 30_000)).toBe(true)
  })
})
