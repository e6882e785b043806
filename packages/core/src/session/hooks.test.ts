import { getEventListeners } from 'node:events'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { AgentHooks } from '../agent/hooks.ts'
import { BeamClawError } from '../base/errors.ts'
import type { AssistantMessage } from '../base/messages.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { HookFailure, withinTime } from './run/run-hooks.ts'

const key = 'agent:main:main'
const executed: unknown[] = []
const pay = defineTool({
  name: 'pay',
  description: 'Pays.',
  inputSchema: { type: 'object' },
  execute(input) {
    executed.push(input)
    return 'paid with card 1234'
  },
})

/** Calls the tool once, then says what it read. */
const payer = (): FunctionModel =>
  new FunctionModel(({ messages }) => {
    const last = messages.at(-1)
    if (last?.role !== 'tool') return { calls: [{ id: 'a', name: 'pay', input: { amount: 5 } }] }
    return { text: `read: ${String(last.content[0]?.content)}` }
  })

async function withHooks(hooks: AgentHooks, model = payer()) {
  executed.length = 0
  const set = await stage(model, { tools: [pay], hooks })
  return { ...set, session: set.claw.session(key) }
}

describe('hooks', () => {
  test('see and change each step, with the run that it belongs to', async () => {
    const seen: string[] = []
    const { claw, session, model } = await withHooks({
      beforeModel({ request, run }) {
        seen.push(`ask ${run.turn} ${JSON.stringify(run.context)}`)
        return { ...request, system: 'Be brief.' }
      },
      afterModel: ({ message }) => ({
        ...message,
        content: message.content.map((part) => (part.type === 'text' ? { ...part, text: 'redacted' } : part)),
      }),
      beforeTool: ({ call }) => ({ input: { ...(call.input as object), amount: 1 } }),
      afterTool: ({ result }) => ({ content: String(result.content).replace('1234', '****') }),
      onRunEnd: ({ outcome, message }) => void seen.push(`${outcome} ${JSON.stringify(message?.content)}`),
    })
    const result = await session.send('pay', { context: { user: 1 } }).result()
    expect(result.text).toBe('redacted')
    expect(executed).toEqual([{ amount: 1 }])
    expect(model.requests[0]?.system).toBe('Be brief.')
    expect(model.requests[1]?.messages.at(-1)?.content).toMatchObject([{ content: 'paid with card ****' }])
    expect(seen).toEqual(['ask 1 {"user":1}', 'ask 2 {"user":1}', 'completed [{"type":"text","text":"redacted"}]'])
    expect(JSON.stringify(await session.history())).not.toMatch(/1234|read:/)
    await claw.stop()
  })

  test('that look at answers keep their pieces from being shown before', async () => {
    const { claw, session } = await withHooks(
      { afterModel: () => undefined },
      new FunctionModel(() => ({ text: 'a secret of many words' })),
    )
    const types: string[] = []
    for await (const { type } of session.send('hello')) types.push(type)
    expect(types).toContain('message')
    expect(types).not.toContain('text-delta')
    await claw.stop()
  })

  test('deny a tool with a reason that the model reads; it does not run', async () => {
    const { claw, session } = await withHooks({ beforeTool: () => ({ deny: 'not on Sundays' }) })
    expect((await session.send('pay').result()).text).toBe('read: Denied: not on Sundays')
    expect(executed).toEqual([])
    await claw.stop()
  })

  test.each(['beforeModel', 'afterModel', 'beforeTool', 'afterTool', 'onRunEnd'] as const)(
    'that throw fail the run typed, and the session goes on: %s',
    async (name) => {
      let isBad = true
      const hook = (): undefined => {
        if (isBad) throw new Error('policy server is down')
      }
      const { claw, session } = await withHooks({ [name]: hook })
      await expect(session.send('pay').result()).rejects.toMatchObject({ code: 'hook-failed', message: /policy server is down/ })
      isBad = false
      expect((await session.send('pay').result()).text).toMatch(/^read: /)
      const { messages } = await session.history()
      const calls = messages.flatMap(({ message }) =>
        message.role === 'assistant' ? message.content.filter(({ type }) => type === 'tool-call') : [],
      )
      const results = messages.flatMap(({ message }) => (message.role === 'tool' ? message.content : []))
      expect(results).toHaveLength(calls.length)
      await claw.stop()
    },
  )

  test('fail the run with a code of their own', async () => {
    const { claw, session } = await withHooks({
      beforeTool() {
        throw new BeamClawError('provider-billing', 'Budget is spent')
      },
    })
    await expect(session.send('pay').result()).rejects.toMatchObject({ code: 'provider-billing', message: 'Budget is spent' })
    await claw.stop()
  })

  test.each<[keyof AgentHooks, unknown]>([
    ['afterModel', { role: 'user', content: 'no' }],
    ['beforeTool', { inputs: 1 }],
    ['beforeTool', { input: () => {} }],
    ['afterTool', { content: 7 }],
    ['afterTool', '[redacted]'],
    ['afterTool', { contents: 'redacted' }],
    ['afterTool', true],
    ['beforeTool', { deny: true, input: {} }],
    ['beforeTool', { deny: 'no', input: {} }],
    ['beforeModel', 'x'],
    ['beforeModel', { model: 3, messages: [] }],
    ['beforeModel', { model: 'model', messages: [{ role: 'nobody' }] }],
  ])('that return something else fail the run: %s %j', async (name, returned) => {
    const { claw, session } = await withHooks({ [name]: () => returned } as AgentHooks)
    await expect(session.send('pay').result()).rejects.toMatchObject({ code: 'hook-failed' })
    await claw.stop()
  })

  test('cannot give the result of a tool to another call', async () => {
    const other = { type: 'text', toolCallId: 'b', name: 'other', content: 'paid', isError: false }
    const { claw, session } = await withHooks({ afterTool: () => other as never })
    expect((await session.send('pay').result()).text).toBe('read: paid')
    const results = (await session.history()).messages.flatMap(({ message }) => (message.role === 'tool' ? message.content : []))
    expect(results).toEqual([{ type: 'tool-result', toolCallId: 'a', name: 'pay', content: 'paid', isError: false }])
    await claw.stop()
  })

  test('that fail with an error that may be tried again are not called again by themselves', async () => {
    let calls = 0
    const { claw, session } = await withHooks({
      beforeModel() {
        calls++
        throw new BeamClawError('provider-rate-limit', 'slowly')
      },
    })
    await expect(session.send('pay').result()).rejects.toMatchObject({ code: 'provider-rate-limit' })
    expect(calls).toBe(1)
    await claw.stop()
  })

  test('leave no listener on the signal of their step', async () => {
    const { signal } = new AbortController()
    const clock = new ManualClock()
    await withinTime({ hook: 'it', name: 'it' }, () => 'done', { clock, signal })
    await expect(withinTime({ hook: 'it', name: 'it' }, () => Promise.reject(new Error('no')), { clock, signal })).rejects.toBeInstanceOf(
      HookFailure,
    )
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  const asks = (...ids: string[]): AssistantMessage => ({
    role: 'assistant',
    content: ids.map((id) => ({ type: 'tool-call', id, name: 'pay', input: {} })),
  })

  test.each<[string, () => AssistantMessage, string]>([
    ['two calls with one id', () => asks('b', 'b'), 'two calls have the id "b"'],
    ['the id of an earlier call', () => asks('b'), 'the id "b" is that of an earlier call'],
    ['no id', () => asks(''), 'a call has no id'],
  ])('that return calls with %s fail the run', async (_, message, problem) => {
    const { claw, session } = await withHooks({ afterModel: message })
    const failed = { code: 'hook-failed', message: expect.stringContaining(`Hook "afterModel" returned no message: ${problem}`) }
    await expect(session.send('pay').result()).rejects.toMatchObject(failed)
    await claw.stop()
  })

  test('may return calls of their own, and the calls that the model made, whose ids may come again', async () => {
    const { claw, session } = await withHooks(
      {
        afterModel: ({ message, run }) =>
          run.turn < 3 ? { ...message, content: [...message.content, ...asks(`own-${run.turn}`).content] } : undefined,
      },
      new FunctionModel((_, index) => (index < 2 ? { calls: [{ id: 'a', name: 'pay', input: { index } }] } : { text: 'done' })),
    )
    expect((await session.send('pay').result()).toolCalls.map(({ id }) => id)).toEqual(['a', 'own-1', 'a', 'own-2'])
    expect(executed).toHaveLength(4)
    await claw.stop()
  })

  test('cannot change in place what the journal has', async () => {
    const { claw, session, restart } = await withHooks({
      beforeModel({ request }) {
        const [first] = request.messages as unknown as { content: unknown }[]
        if (first !== undefined) first.content = 'changed'
      },
    })
    await expect(session.send('as it was').result()).rejects.toMatchObject({ code: 'hook-failed' })
    const seen = async (one: typeof session) => (await one.history()).messages[0]?.message.content
    expect(await seen(session)).toBe('as it was')
    expect(await seen((await restart()).session(key))).toBe('as it was')
    await claw.stop().catch(() => {})
  })

  test.each(['beforeModel', 'afterModel', 'beforeTool', 'afterTool', 'onRunEnd'] as const)(
    'that throw what cannot be looked at fail the run all the same: %s',
    async (name) => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      const { claw, session } = await withHooks({
        [name]() {
          throw proxy
        },
      })
      await expect(session.send('pay').result()).rejects.toMatchObject({ code: 'hook-failed' })
      await claw.stop()
    },
  )

  test.each(['beforeModel', 'afterTool', 'onRunEnd'] as const)('that never return end with their time: %s', async (name) => {
    const signals: AbortSignal[] = []
    const { claw, clock, session } = await withHooks({
      [name]({ run }: { readonly run: { readonly signal: AbortSignal } }) {
        signals.push(run.signal)
        return new Promise(() => {})
      },
    })
    const failed = expect(session.send('pay').result()).rejects.toMatchObject({ code: 'hook-failed', message: /longer than 60000 ms/ })
    await flushEventLoop()
    await clock.advance(60_000)
    await failed
    expect(signals[0]?.aborted).toBe(true)
    await claw.stop()
  })

  test.each(['beforeModel', 'beforeTool', 'afterTool', 'onRunEnd'] as const)('do not keep a run from being aborted: %s', async (name) => {
    let isHeld = true
    const { claw, session } = await withHooks({ [name]: () => (isHeld ? new Promise(() => {}) : undefined) } as AgentHooks)
    const run = session.send('pay')
    await run.accepted
    await flushEventLoop()
    isHeld = false
    await session.abort()
    await expect(run.result()).rejects.toMatchObject({ code: 'run-aborted' })
    await claw.stop()
  })

  test('are called again for a step that a crash has interrupted', async () => {
    let calls = 0
    const { restart, claw, session, model } = await withHooks({ onRunEnd: () => (++calls === 1 ? new Promise(() => {}) : undefined) })
    await session.send('pay', { idempotencyKey: 'one' }).accepted
    await flushEventLoop()
    expect(calls).toBe(1)
    const next = await restart()
    await next.session(key).follow('one').result()
    expect([calls, model.requests.length, executed.length]).toEqual([2, 2, 1])
    await claw.stop().catch(() => {})
    await next.stop()
  })

  test('of a system function that throws fail the run too', async () => {
    const { claw } = await stage(payer(), {
      system() {
        throw new Error('no template')
      },
    })
    await expect(claw.session(key).send('hello').result()).rejects.toMatchObject({ code: 'hook-failed', message: /no template/ })
    await claw.stop()
  })
})
