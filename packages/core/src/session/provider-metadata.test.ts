import { describe, expect, test } from 'vitest'
import { type AssistantMessage, zeroUsage } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { ProviderPart, ProviderRequest } from '../ports/provider.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { ScriptedProvider } from '../testing/scripted-provider.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const finish = (reason: 'stop' | 'tool-calls', extra: object = {}): ProviderPart => ({ type: 'finish', reason, usage: zeroUsage, ...extra })

/** An answer with something for the service in every place. */
const parts: readonly ProviderPart[] = [
  { type: 'thinking-delta', text: 'hm' },
  { type: 'thinking-end', providerMetadata: { claude: { signature: 'one' } } },
  { type: 'thinking-end', providerMetadata: { claude: { redacted: 'two' } } },
  { type: 'text-delta', text: 'I ' },
  { type: 'text-delta', text: 'look' },
  { type: 'text-end', providerMetadata: { claude: { phase: 'first' } } },
  { type: 'text-delta', text: 'and again' },
  { type: 'text-end' },
  { type: 'custom', kind: 'server_tool_use', providerMetadata: { claude: { block: { id: 's1', input: [1, null] } } } },
  { type: 'tool-call', id: 'c1', name: 'look', input: {}, providerMetadata: { gemini: { thought_signature: 'three' } } },
  { type: 'thinking-delta', text: 'more' },
  { type: 'thinking-end', providerMetadata: { claude: { signature: 'four' } } },
  { type: 'tool-call', id: 'c2', name: 'look', input: {} },
  finish('tool-calls', { providerMetadata: { router: { reasoning_details: [{ type: 'reasoning.text' }] } } }),
]

const kept: AssistantMessage = {
  role: 'assistant',
  content: [
    { type: 'thinking', text: 'hm', providerMetadata: { claude: { signature: 'one' } } },
    { type: 'thinking', text: '', providerMetadata: { claude: { redacted: 'two' } } },
    { type: 'text', text: 'I look', providerMetadata: { claude: { phase: 'first' } } },
    { type: 'text', text: 'and again' },
    { type: 'custom', kind: 'server_tool_use', providerMetadata: { claude: { block: { id: 's1', input: [1, null] } } } },
    { type: 'tool-call', id: 'c1', name: 'look', input: {}, providerMetadata: { gemini: { thought_signature: 'three' } } },
    { type: 'thinking', text: 'more', providerMetadata: { claude: { signature: 'four' } } },
    { type: 'tool-call', id: 'c2', name: 'look', input: {} },
  ],
  providerMetadata: { router: { reasoning_details: [{ type: 'reasoning.text' }] } },
}

const look = defineTool({ name: 'look', description: 'looks', inputSchema: { type: 'object' }, execute: () => 'seen' })

async function talk() {
  const provider = new ScriptedProvider({ answers: [{ parts }], otherwise: 'done' })
  const store = new MemoryStore()
  const set = await stage(new FunctionModel(() => ({ text: 'unused' })), { tools: [look] }, { providers: { test: provider }, store })
  return { ...set, provider }
}

const answersIn = ({ messages }: Pick<ProviderRequest, 'messages'>) => messages.filter(({ role }) => role === 'assistant')

describe('what a service needs back', () => {
  test('is in the history, block by block and in order, and in each later request, also after a restart', async () => {
    const { claw, provider, restart } = await talk()
    const session = claw.session(key)
    await session.send('look').result()
    expect((await session.history()).messages.map(({ message }) => message)[1]).toEqual(kept)
    expect(answersIn(provider.calls[1]?.request as ProviderRequest)).toEqual([kept])
    const again = await restart()
    await again.session(key).send('again').result()
    expect(answersIn(provider.calls[2]?.request as ProviderRequest)[0]).toEqual(kept)
  })

  test('goes with an export to another session', async () => {
    const { claw, provider } = await talk()
    await claw.session(key).send('look').result()
    const { messages } = await claw.session(key).export()
    await claw.session('agent:main:other').import(messages.map(({ message }) => message))
    await claw.session('agent:main:other').send('again').result()
    expect(answersIn(provider.calls[2]?.request as ProviderRequest)[0]).toEqual(kept)
  })

  test('is shown to no page: a stream for user interfaces has the text alone', async () => {
    const { claw } = await talk()
    const response = await claw.session(key).send('look').toResponse({ format: 'ui-message-stream' })
    const text = await response.text()
    expect(text).toContain('and again')
    for (const secret of ['signature', 'redacted', 'server_tool_use', 'reasoning_details']) expect(text).not.toContain(secret)
  })
})

describe('a warning of a provider', () => {
  test('is an event of the run, at most a hundred for an answer, and no part of it', async () => {
    const warning = { type: 'warning', setting: 'temperature', message: 'left out: the model refuses it' } as const
    const many = Array.from({ length: 150 }, () => warning)
    const provider = new ScriptedProvider({ answers: [{ parts: [...many, { type: 'text-delta', text: 'fine' }, finish('stop')] }] })
    const set = await stage(new FunctionModel(() => ({ text: 'unused' })), {}, { providers: { test: provider } })
    const warnings: object[] = []
    const run = set.claw.session(key).send('hello')
    for await (const event of run) if (event.type === 'model-warning') warnings.push(event)
    const { runId } = run
    expect(warnings).toEqual(
      Array(100).fill({
        type: 'model-warning',
        sessionKey: key,
        runId,
        turn: 1,
        attempt: 1,
        setting: 'temperature',
        message: warning.message,
      }),
    )
    expect((await set.claw.session(key).history()).messages[1]?.message.content).toEqual([{ type: 'text', text: 'fine' }])
  })
})
