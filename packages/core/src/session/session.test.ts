import { flushEventLoop, gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('a run', () => {
  test('tells what happens, durable facts with their place in the journal', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hello there' })))
    const run = claw.session(key).send('hi', { idempotencyKey: 'one' })
    expect(await run.accepted).toEqual({ runId: 'one', status: 'accepted', seq: 1, ended: undefined })
    expect(await collect(run)).toMatchObject([
      { type: 'message-accepted', seq: 1, runId: 'one', message: { content: 'hi' } },
      { type: 'run-start', seq: 2 },
      { type: 'model-request', seq: 3, turn: 1, attempt: 1, model: 'test/model' },
      { type: 'text-delta', text: 'hello ' },
      { type: 'text-delta', text: 'there' },
      { type: 'message', seq: 4, message: { role: 'assistant', content: [{ type: 'text', text: 'hello there' }] } },
      { type: 'run-end', seq: 5, outcome: 'completed' },
    ])
    expect(await run.result()).toMatchObject({ text: 'hello there', usage: { inputTokens: 10, outputTokens: 5 }, finish: 'stop' })
  })

  test('uses tools in parallel, and tells the model in the order of its calls', async () => {
    const order: string[] = []
    const slow = gate()
    const wait = defineTool({
      name: 'wait',
      description: 'waits',
      input: z.object({ for: z.string() }),
      execute: async ({ for: what }) => {
        order.push(`begin ${what}`)
        if (what === 'a') await slow.promise
        else slow.resolve()
        order.push(`end ${what}`)
        return `waited for ${what}`
      },
    })
    const model = new FunctionModel((request) =>
      request.messages.at(-1)?.role === 'tool'
        ? { text: 'done' }
        : {
            calls: [
              { id: '1', name: 'wait', input: { for: 'a' } },
              { id: '2', name: 'wait', input: { for: 'b' } },
            ],
          },
    )
    const { claw } = await stage(model, { tools: [wait] })
    expect((await claw.session(key).send('go').result()).text).toBe('done')
    expect(order).toEqual(['begin a', 'begin b', 'end b', 'end a'])
    expect(model.requests[0]?.tools).toMatchObject([
      { name: 'wait', inputSchema: { type: 'object', properties: { for: { type: 'string' } } } },
    ])
    expect(model.requests[1]?.messages.at(-1)).toEqual({
      role: 'tool',
      content: [
        { type: 'tool-result', toolCallId: '1', name: 'wait', content: 'waited for a', isError: false },
        { type: 'tool-result', toolCallId: '2', name: 'wait', content: 'waited for b', isError: false },
      ],
    })
  })

  test('remembers the conversation', async () => {
    const model = new FunctionModel((_request, index) => ({ text: `answer ${index}` }))
    const { claw } = await stage(model, { system: 'Be brief.' })
    await claw.session(key).send('one').result()
    await claw.session(key).send('two').result()
    expect(model.requests[1]).toMatchObject({
      system: 'Be brief.',
      messages: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: [{ type: 'text', text: 'answer 0' }] },
        { role: 'user', content: 'two' },
      ],
    })
  })

  test('answers with output in the shape that was asked for', async () => {
    const model = new FunctionModel(() => ({ text: '{"answer":42}' }))
    const { claw } = await stage(model)
    const result = await claw
      .session(key)
      .send('?', { output: z.object({ answer: z.number() }) })
      .result()
    expect(result.output).toEqual({ answer: 42 })
    expect(model.requests[0]?.responseFormat).toMatchObject({ type: 'json', schema: { properties: { answer: { type: 'number' } } } })
    await expect(
      claw
        .session(key)
        .send('?', { output: z.object({ answer: z.string() }) })
        .result(),
    ).rejects.toMatchObject({ code: 'invalid-output' })
  })

  test('asks again, with a new attempt, when the service fails in passing; what was said before is void', async () => {
    const model = new FunctionModel((_request, index) =>
      index === 0 ? { before: 'I thi', fails: new BeamClawError('provider-network', 'cut off') } : { text: 'I think so' },
    )
    const { claw, clock } = await stage(model)
    const run = claw.session(key).send('?')
    const events = collect(run)
    await clock.advance(1_000)
    expect((await events).filter(({ type }) => type !== 'message-accepted')).toMatchObject([
      { type: 'run-start' },
      { type: 'model-request', turn: 1, attempt: 1 },
      { type: 'text-delta', attempt: 1, text: 'I thi' },
      { type: 'model-failure', attempt: 1, failure: { code: 'provider-network' } },
      { type: 'model-request', turn: 1, attempt: 2 },
      { type: 'text-delta', attempt: 2, text: 'I ' },
      { type: 'text-delta' },
      { type: 'text-delta' },
      { type: 'message' },
      { type: 'run-end', outcome: 'completed' },
    ])
  })

  test.each([
    ['at once for an error that a retry cannot mend', 'provider-auth', 1],
    ['after three attempts for one that it could', 'provider-server', 3],
  ] as const)('fails %s', async (_when, code, attempts) => {
    const model = new FunctionModel(() => ({ fails: new BeamClawError(code, 'no') }))
    const { claw, clock } = await stage(model)
    const failed = expect(claw.session(key).send('?').result()).rejects.toMatchObject({ code })
    await clock.advance(10_000)
    await failed
    expect(model.requests).toHaveLength(attempts)
  })

  test('that fails leaves the session as it was for the next message', async () => {
    const model = new FunctionModel((_request, index) =>
      index === 0 ? { fails: new BeamClawError('provider-auth', 'no') } : { text: 'yes' },
    )
    const { claw } = await stage(model)
    await expect(claw.session(key).send('?').result()).rejects.toMatchObject({ code: 'provider-auth' })
    expect((await claw.session(key).send('again').result()).text).toBe('yes')
  })

  test('is ended after maxTurns', async () => {
    const model = new FunctionModel((_request, index) => ({ calls: [{ id: String(index), name: 'count', input: { index } }] }))
    const count = defineTool({ name: 'count', description: 'counts', inputSchema: { type: 'object' }, execute: (input) => input })
    const { claw } = await stage(model, { tools: [count], maxTurns: 4 })
    await expect(claw.session(key).send('go').result()).rejects.toMatchObject({ code: 'max-turns' })
    expect(model.requests).toHaveLength(4)
  })

  test('is ended when the model calls the same again and again and gets the same', async () => {
    const model = new FunctionModel((_request, index) => ({ calls: [{ id: String(index), name: 'look' }] }))
    const look = defineTool({ name: 'look', description: 'looks', execute: () => 'nothing there' })
    const { claw } = await stage(model, { tools: [look] })
    await expect(claw.session(key).send('go').result()).rejects.toMatchObject({
      code: 'tool-loop',
      message: expect.stringContaining('look'),
    })
    expect(model.requests).toHaveLength(3)
  })
})

describe('a message with a key', () => {
  test('gets one run however often it is sent: before, during and after', async () => {
    const hold = gate()
    const model = new FunctionModel(async () => {
      await hold.promise
      return { text: 'once' }
    })
    const { claw } = await stage(model)
    const session = claw.session(key)
    const runs = [1, 2, 3].map(() => session.send('hi', { idempotencyKey: 'same' }))
    expect((await Promise.all(runs.map((run) => run.accepted))).map(({ status }) => status)).toEqual(['accepted', 'running', 'running'])
    hold.resolve()
    expect((await Promise.all(runs.map((run) => run.result()))).map(({ text }) => text)).toEqual(['once', 'once', 'once'])
    const late = session.send('hi', { idempotencyKey: 'same' })
    expect(await late.accepted).toMatchObject({ status: 'completed' })
    expect((await late.result()).text).toBe('once')
    expect(model.requests).toHaveLength(1)
  })

  test('is known also after a restart', async () => {
    const set = await stage(new FunctionModel(() => ({ text: 'once' })))
    await set.claw.session(key).send('hi', { idempotencyKey: 'same' }).result()
    await set.restart()
    expect((await set.claw.session(key).send('hi', { idempotencyKey: 'same' }).result()).text).toBe('once')
    expect(set.model.requests).toHaveLength(1)
  })
})

describe('while a run is under way, a message', () => {
  async function busy(answers: Record<number, string> = {}) {
    const hold = gate()
    const model = new FunctionModel(async (_request, index, signal) => {
      if (index === 0) await Promise.race([hold.promise, new Promise((resolve) => signal.addEventListener('abort', resolve))])
      return { text: answers[index] ?? `answer ${index}` }
    })
    const set = await stage(model)
    const session = set.claw.session(key)
    const first = session.send('first')
    await first.accepted
    await flushEventLoop()
    return { ...set, session, first, hold, model }
  }

  test('queues: each has its own run, in order', async () => {
    const { session, first, hold, model } = await busy()
    const second = session.send('second')
    const third = session.send('third')
    await third.accepted
    hold.resolve()
    expect(await Promise.all([first, second, third].map(async (run) => (await run.result()).text))).toEqual([
      'answer 0',
      'answer 1',
      'answer 2',
    ])
    expect(model.requests).toHaveLength(3)
  })

  test('steers: it joins the run before its next turn', async () => {
    const { session, first, hold, model } = await busy()
    const second = session.send('rather this', { queueMode: 'steer' })
    await second.accepted
    hold.resolve()
    expect((await first.result()).text).toBe('answer 1')
    expect((await second.result()).text).toBe('answer 1')
    expect(model.requests[1]?.messages.map(({ content }) => content)).toEqual([
      'first',
      [{ type: 'text', text: 'answer 0' }],
      'rather this',
    ])
  })

  test('collects: those that wait share one run', async () => {
    const { session, first, hold, model } = await busy()
    const others = ['a', 'b', 'c'].map((text) => session.send(text, { queueMode: 'collect' }))
    await Promise.all(others.map((run) => run.accepted))
    hold.resolve()
    await first.result()
    expect((await Promise.all(others.map((run) => run.result()))).map(({ text }) => text)).toEqual(['answer 1', 'answer 1', 'answer 1'])
    expect(model.requests).toHaveLength(2)
  })

  test('interrupts: the run is aborted, and it goes before all that wait', async () => {
    const { session, first, model } = await busy()
    const waiting = session.send('waiting')
    await waiting.accepted
    const urgent = session.send('urgent', { queueMode: 'interrupt' })
    await expect(first.result()).rejects.toMatchObject({ code: 'run-aborted' })
    expect((await urgent.result()).text).toBe('answer 1')
    expect((await waiting.result()).text).toBe('answer 2')
    expect(model.requests[1]?.messages.at(-1)?.content).toBe('urgent')
  })

  test('is refused, when it asks for that', async () => {
    const { session, first, hold } = await busy()
    await expect(session.send('no', { queueMode: 'reject' }).accepted).rejects.toMatchObject({ code: 'session-busy', isRetryable: true })
    hold.resolve()
    await first.result()
    await flushEventLoop()
    expect((await session.send('yes', { queueMode: 'reject' }).result()).text).toBe('answer 1')
  })

  test('is refused when too many wait', async () => {
    const hold = gate()
    const model = new FunctionModel(async () => {
      await hold.promise
      return { text: 'x' }
    })
    const { claw } = await stage(model, {}, { sessions: { mailboxSize: 2 } })
    const session = claw.session(key)
    await session.send('running').accepted
    await flushEventLoop()
    await session.send('1').accepted
    await session.send('2').accepted
    await expect(session.send('3').accepted).rejects.toMatchObject({ code: 'overloaded', isRetryable: true })
    hold.resolve()
  })

  test('of another session does not wait', async () => {
    const hold = gate()
    const model = new FunctionModel(async ({ messages }) => {
      if (messages[0]?.content === 'slow') await hold.promise
      return { text: 'done' }
    })
    const { claw } = await stage(model)
    const slow = claw.session('agent:main:slow').send('slow')
    await slow.accepted
    expect((await claw.session('agent:main:quick').send('quick').result()).text).toBe('done')
    hold.resolve()
    await slow.result()
  })
})

describe('an abort', () => {
  test('ends the run under way, and the model hears of it', async () => {
    let reason: unknown
    const model = new FunctionModel(
      (_request, _index, signal) => new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason))),
    )
    const { claw } = await stage(model)
    const session = claw.session(key)
    const run = session.send('go')
    await run.accepted
    await flushEventLoop()
    expect(await session.abort()).toMatchObject({ runId: run.runId, wasAborted: true })
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    expect(reason).toBe('abort')
    expect(await session.abort(run.runId)).toEqual({ runId: run.runId, wasAborted: false, status: 'aborted' })
  })

  test('in the middle of a tool leaves its outcome unknown, and the history whole', async () => {
    const begun = gate()
    const stubborn = defineTool({
      name: 'stubborn',
      description: 'does not listen',
      execute: () => {
        begun.resolve()
        return new Promise(() => {})
      },
    })
    const model = new FunctionModel((_request, index) => (index === 0 ? { calls: [{ id: 't', name: 'stubborn' }] } : { text: 'next' }))
    const { claw } = await stage(model, { tools: [stubborn] })
    const session = claw.session(key)
    const run = session.send('go')
    const events = collect(run)
    await begun.promise
    await session.abort()
    expect((await events).filter(({ type }) => type === 'tool-result')).toMatchObject([{ outcome: 'unknown', result: { isError: true } }])
    await session.send('go on').result()
    expect(model.requests[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
  })

  test('takes a waiting message out of the queue', async () => {
    const hold = gate()
    const model = new FunctionModel(async () => {
      await hold.promise
      return { text: 'x' }
    })
    const { claw } = await stage(model)
    const session = claw.session(key)
    const first = session.send('first')
    const second = session.send('second')
    await second.accepted
    expect(await session.abort(second.runId)).toMatchObject({ wasAborted: true, status: 'aborted' })
    await expect(second.result()).rejects.toMatchObject({ code: 'run-aborted' })
    hold.resolve()
    await first.result()
    expect(model.requests).toHaveLength(1)
  })

  test('of what nobody knows does nothing', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'x' })))
    await claw.session(key).send('hello').result()
    expect(await claw.session(key).abort()).toEqual({ runId: undefined, wasAborted: false, status: 'unknown' })
    expect(await claw.session(key).abort('nobody')).toEqual({ runId: 'nobody', wasAborted: false, status: 'unknown' })
  })
})
