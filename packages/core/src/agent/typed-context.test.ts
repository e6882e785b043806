/** What the compiler knows of an agent's context: in its system function, its tools, and the messages that bring it along. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import type { RunEvent } from '../base/events.ts'
import type { JsonValue } from '../base/messages.ts'
import { sessionKeyOf } from '../base/session-key-parts.ts'
import type { SendOptions } from '../session/send-options.ts'
import type { SessionHandle } from '../session/session-handle.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { agentTool, handoff } from '../tool/agent-tool.ts'
import { defineTool, type Tool } from '../tool/tool.ts'
import { defineAgent } from './agent.ts'
import type { AgentHooks } from './hooks.ts'
import type { SessionSettings } from './session-settings.ts'

const model = 'test/model'
const whose = defineTool({
  name: 'whose',
  description: 'tells whose it is',
  context: z.object({ user: z.string() }),
  execute: (_, { context }) => `${context.user}'s`,
})
const counts = defineTool({
  name: 'counts',
  description: 'counts',
  // What it takes is text, and what it works with is a number.
  context: z.object({ count: z.string().transform(Number) }),
  execute: (_, { context }) => context.count + 1,
})
const plain = defineTool({ name: 'plain', description: 'needs nothing', execute: () => 'ok' })

describe('a context that an agent gives', () => {
  test('fits its tools, or does not compile', () => {
    defineAgent({ id: 'a', model, context: z.object({ user: z.string(), team: z.string() }), tools: [whose, plain] })
    defineAgent({ id: 'a', model, context: z.object({ count: z.string() }), tools: [counts, agentTool('b'), handoff('b')] })
    // @ts-expect-error: it gives no user.
    defineAgent({ id: 'a', model, context: z.object({ team: z.string() }), tools: [whose] })
    // @ts-expect-error: the user may be missing.
    defineAgent({ id: 'a', model, context: z.object({ user: z.string().optional() }), tools: [plain, whose] })
    // @ts-expect-error: it gives a number, and the tool takes text.
    defineAgent({ id: 'a', model, context: z.object({ count: z.number() }), tools: [counts] })
    // Any JSON may have what they need: each call is checked by the tool's own schema.
    defineAgent({ id: 'a', model, tools: [whose, counts] })
    const some: readonly Tool[] = [whose, plain]
    const agent = defineAgent({ id: 'a', model, context: z.object({ team: z.string() }), tools: some })
    expect([...agent.tools.keys()]).toEqual(['plain', 'whose'])
  })

  test('is known to its hooks', () => {
    const shared: AgentHooks = { onRunEnd: ({ run }) => void expectTypeOf(run.context).toEqualTypeOf<unknown>() }
    defineAgent({
      id: 'a',
      model,
      context: z.object({ user: z.string().default('nobody') }),
      hooks: {
        ...shared,
        beforeModel: ({ run }) => void expectTypeOf(run.context).toEqualTypeOf<{ user: string }>(),
        beforeTool: ({ run }) => ({ deny: run.context.user }),
      },
    })
    defineAgent({ id: 'a', model, context: z.object({ user: z.string() }), hooks: shared })
    defineAgent({ id: 'a', model, hooks: { afterTool: ({ run }) => void expectTypeOf(run.context).toEqualTypeOf<unknown>() } })
    const ours: AgentHooks<{ user: string }> = {}
    defineAgent({ id: 'a', model, context: z.object({ user: z.string() }), hooks: ours })
    // @ts-expect-error: these hooks need a user.
    defineAgent({ id: 'a', model, context: z.object({ team: z.string() }), hooks: ours })
  })

  test('is known to its system function, with the settings of the session', () => {
    defineAgent({
      id: 'a',
      model,
      context: z.object({ user: z.string().default('nobody') }),
      system: ({ context, session }) => {
        expectTypeOf(context).toEqualTypeOf<{ user: string }>()
        expectTypeOf(session.settings).toEqualTypeOf<SessionSettings>()
        return `${context.user} ${session.settings.title}`
      },
    })
  })
})

describe('a session that is asked for by its agent', () => {
  const main = defineAgent({ id: 'main', model, context: z.object({ user: z.string(), limit: z.number().default(5) }) })

  test('is the one of its key, and takes the context of the agent alone', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {}, { agents: [main], tenants: ['default', 'acme'] })
    const session = claw.session(main, 'Ada', 'first')
    expect(session.key).toBe(sessionKeyOf(main, 'Ada', 'first'))
    expect(session.key).toBe(sessionKeyOf('main', 'Ada', 'first'))
    expect(claw.tenant('acme').session(main, 'Ada').key).toBe(sessionKeyOf(main, 'Ada'))
    // What the schema fills in may be left out.
    expect((await session.send('hi', { context: { user: 'ada' } }).result()).text).toBe('hi')
    // @ts-expect-error: the user is a text.
    await expect(session.send('hi', { context: { user: 5 } }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    expectTypeOf<Parameters<typeof session.send>[1]['context']>().toEqualTypeOf<{ user: string; limit?: number | undefined }>()
    claw.kill()
  })

  test('does not compile without the context that its agent needs', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {}, { agents: [main] })
    const session = claw.session(main, 'Ada')
    // @ts-expect-error: the agent needs a user.
    await expect(session.send('hi').accepted).rejects.toMatchObject({ code: 'invalid-message' })
    // @ts-expect-error: the agent needs a user.
    await expect(session.send('hi', { model: 'test/model' }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    // @ts-expect-error: the agent needs a user.
    await expect(session.send('hi', { context: undefined }).accepted).rejects.toMatchObject({ code: 'invalid-message' })
    const { output } = await session
      .send('hi', { context: { user: 'ada' }, output: z.string().transform(() => 5), outputSchema: {}, repair: false })
      .result()
      .catch(() => ({ output: 5 }))
    expectTypeOf(output).toEqualTypeOf<number>()
    // A function that takes any session takes this one.
    const anySession: SessionHandle = session
    expect(anySession.key).toBe(session.key)
    claw.kill()
  })

  test('takes a message without context where the schema takes undefined, or there is none', async () => {
    const agents = [
      defineAgent({ id: 'free', model }),
      defineAgent({ id: 'optional', model, context: z.object({ user: z.string() }).optional() }),
    ] as const
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {}, { agents })
    for (const { text } of [await claw.session(agents[0], 'a').send('hi').result(), await claw.session(agents[1], 'a').send('hi').result()])
      expect(text).toBe('hi')
    expectTypeOf<NonNullable<Parameters<SessionHandle<{ user: string } | undefined>['send']>[1]>['context']>().toEqualTypeOf<
      { user: string } | undefined
    >()
    claw.kill()
  })

  test('takes undefined for every option, as if it was left out', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })))
    const nothing: { readonly [K in keyof Required<SendOptions>]: undefined } = {
      idempotencyKey: undefined,
      queueMode: undefined,
      context: undefined,
      signal: undefined,
      output: undefined,
      outputSchema: undefined,
      repair: undefined,
      model: undefined,
      thinking: undefined,
      temperature: undefined,
      maxOutputTokens: undefined,
      toolChoice: undefined,
      tools: undefined,
    }
    expect((await claw.session('a').send('hi', nothing).result()).text).toBe('hi')
    claw.kill()
  })

  test('takes any JSON when it was asked for by its key', async () => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })))
    const session = claw.session('agent:main:a')
    expectTypeOf<NonNullable<Parameters<typeof session.send>[1]>['context']>().toEqualTypeOf<JsonValue | undefined>()
    await session.send('hi', { context: [1, 'two'] }).result()
    claw.kill()
  })

  test.each([[], [5], [null]])('names itself by text alone: %j', async (...ids) => {
    const { claw } = await stage(new FunctionModel(() => ({ text: 'hi' })), {}, { agents: [main] })
    expect(() => claw.session(main, ...(ids as unknown as [string]))).toThrow(expect.objectContaining({ code: 'invalid-session-key' }))
    claw.kill()
  })
})

test('events of tools name the tool and the call', async () => {
  const answers = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'one', name: 'plain' }] } : { text: 'done' }))
  const { claw } = await stage(answers, { tools: [plain] })
  const told: [string, string, string][] = []
  for await (const event of claw.session('agent:main:a').send('go')) {
    if (event.type === 'tool-call' || event.type === 'tool-result') told.push([event.type, event.toolCallId, event.name])
  }
  expect(told).toEqual([
    ['tool-call', 'one', 'plain'],
    ['tool-result', 'one', 'plain'],
  ])
  expectTypeOf<Extract<RunEvent, { type: 'tool-result' }>['name']>().toEqualTypeOf<string>()
  claw.kill()
})
