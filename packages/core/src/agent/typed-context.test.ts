/** What the compiler knows of an agent's context: in its system function, its tools, and the messages that bring it along. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import type { RunEvent } from '../base/events.ts'
import type { JsonValue } from '../base/messages.ts'
import { sessionKeyOf } from '../base/session-key-parts.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { agentTool, handoff } from '../tool/agent-tool.ts'
import { defineTool, type Tool } from '../tool/tool.ts'
import { defineAgent } from './agent.ts'
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
    expect([...agent.tools.keys()]).toEqual(['whose', 'plain'])
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
    expectTypeOf<NonNullable<Parameters<typeof session.send>[1]>['context']>().toEqualTypeOf<
      { user: string; limit?: number | undefined } | undefined
    >()
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
