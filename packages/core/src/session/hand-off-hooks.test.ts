import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type AgentDefinition, defineAgent } from '../agent/agent.ts'
import type { AgentHooks } from '../agent/hooks.ts'
import type { JsonValue } from '../base/messages.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { handoff } from '../tool/agent-tool.ts'
import { defineTool } from '../tool/tool.ts'

const model = 'test/model'
const look = defineTool({ name: 'look', description: 'looks', execute: () => 'ok' })

/** Hands a run over from `main` to `billing`, which calls a tool and answers. */
async function handOver(billing: AgentDefinition, context: JsonValue, onAnswer: () => void = () => {}): Promise<void> {
  const answers = new FunctionModel(({ agent, messages }) => {
    if (agent === 'main') return { calls: [{ id: 'h', name: 'hand_off_to_billing' }] }
    const last = messages.at(-1)
    if (last?.role === 'tool' && last.content[0]?.name === 'look') {
      onAnswer()
      return { text: 'done' }
    }
    return { calls: [{ id: 'l', name: 'look' }] }
  })
  const { claw } = await stage(answers, {}, { agents: [{ id: 'main', model, tools: [handoff('billing')] }, billing] })
  onTestFinished(() => void claw.kill())
  await claw.session('agent:main:main').send('my bill', { context }).result()
}

describe('the context of a run that was handed over', () => {
  test('is what the schema of the agent that answers makes of it, in every hook of that agent', async () => {
    const context = z.object({ account: z.number().transform((number) => `no. ${number}`) })
    const told: unknown[] = []
    const note = ({ run }: { readonly run: { readonly context: unknown } }): undefined => void told.push(run.context)
    const hooks: AgentHooks = { beforeModel: note, afterModel: note, beforeTool: note, afterTool: note, onRunEnd: note }
    await handOver(defineAgent({ id: 'billing', model, context, tools: [look], hooks }), { account: 7 })
    expect(told).toEqual(Array(7).fill({ account: 'no. 7' }))
  })

  test('is told as it came to the last hook of an agent whose schema refuses it', async () => {
    const told: unknown[] = []
    let isStrict = false
    const context = z.object({ user: z.string() }).refine(() => !isStrict)
    const hooks: AgentHooks = { onRunEnd: ({ run, outcome }) => void told.push(outcome, run.context) }
    await handOver(defineAgent({ id: 'billing', model, context, tools: [look], hooks }), { user: 'ada' }, () => {
      isStrict = true
    })
    expect(told).toEqual(['completed', { user: 'ada' }])
  })
})
