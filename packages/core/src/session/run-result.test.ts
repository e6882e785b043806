import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentOptions } from '../agent/agent.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const echo = defineTool<{ readonly text: string }>({
  name: 'echo',
  description: 'echoes',
  inputSchema: { type: 'object' },
  execute: ({ text }) => text,
})

function twoTurns({ messages }: ProviderRequest): ModelTurn {
  if (messages.at(-1)?.role === 'tool') return { text: 'done' }
  return {
    calls: [
      { id: 'a', name: 'echo', input: { text: 'one' } },
      { id: 'b', name: 'nothing' },
    ],
  }
}

async function up(agent: Partial<AgentOptions> = {}): Promise<Stage> {
  const set = await stage(new FunctionModel(twoTurns), { tools: [echo], ...agent })
  onTestFinished(() => void set.claw.kill())
  return set
}

const answer = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 }

describe('the result of a run', () => {
  test('has each answer of the model, with its tool calls, their results and tokens', async () => {
    const { claw } = await up()
    const { steps, toolCalls, usageByModel } = await claw.session(key).send('go').result()
    expect(steps.map(({ turn, model, finish, usage }) => ({ turn, model, finish, usage }))).toEqual([
      { turn: 1, model: 'test/model', finish: 'tool-calls', usage: answer },
      { turn: 2, model: 'test/model', finish: 'stop', usage: answer },
    ])
    expect(steps[0]?.toolCalls).toMatchObject([
      { id: 'a', name: 'echo', input: { text: 'one' }, outcome: 'ok', result: { content: 'one', isError: false }, usage: [] },
      { id: 'b', name: 'nothing', outcome: 'error', result: { isError: true } },
    ])
    expect(toolCalls).toEqual(steps[0]?.toolCalls)
    expect(usageByModel).toEqual([{ model: 'test/model', usage: { ...answer, inputTokens: 20, outputTokens: 10 } }])
  })

  test('is the same for those who repeat the message or follow the run, also in another process', async () => {
    const set = await up()
    const first = await set.claw.session(key).send('go', { idempotencyKey: 'one' }).result()
    // Another run behind it is none of its steps.
    await set.claw.session(key).send('more').result()
    expect(await set.claw.session(key).send('go', { idempotencyKey: 'one' }).result()).toEqual(first)
    const claw = await set.restart()
    expect(await claw.session(key).follow('one').result()).toEqual(first)
  })

  test('is what the session knows where its reader has heard of the whole run: with the usage of its tools, and a message that joined', async () => {
    const used = { inputTokens: 7, outputTokens: 3, cacheReadTokens: 0, cacheWriteTokens: 0 }
    const steering = defineTool({
      name: 'echo',
      description: 'is interrupted',
      inputSchema: { type: 'object' },
      execute: async (_input, { reportUsage }) => {
        reportUsage('other/model', used)
        await set.claw.session(key).send('and this', { queueMode: 'steer', idempotencyKey: 'two' }).accepted
        return 'one'
      },
    })
    const set = await up({ tools: [steering] })
    const result = await set.claw.session(key).send('go', { idempotencyKey: 'one' }).result()
    expect(result.usageByModel.map(({ model }) => model)).toEqual(['test/model', 'other/model'])
    expect(await set.claw.session(key).follow('one').result()).toEqual(result)
  })

  test('tells what a tool was given, where a hook has changed it', async () => {
    const { claw } = await up({ hooks: { beforeTool: () => ({ input: { text: 'two' } }) } })
    const { toolCalls } = await claw.session(key).send('go').result()
    expect(toolCalls[0]).toMatchObject({ input: { text: 'two' }, result: { content: 'two' } })
  })

  test('that failed tells what was spent in the details of its error', async () => {
    const { claw } = await up({ maxTurns: 1 })
    const failed = claw.session(key).send('go', { idempotencyKey: 'one' }).result()
    await expect(failed).rejects.toMatchObject({
      code: 'max-turns',
      details: { runId: 'one', usageByModel: [{ model: 'test/model', usage: answer }] },
    })
  })
})
