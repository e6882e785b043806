import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgentOptions, BeamClaw, defineTool, type JsonObject, type Provider, type RunningBeamClaw } from '@beamclaw/core'
import { AnthropicProvider } from '@beamclaw/providers/anthropic'
import { OpenAiChatProvider } from '@beamclaw/providers/openai'
import { OpenAiResponsesProvider } from '@beamclaw/providers/openai-responses'
import { FsStore } from '@beamclaw/store-fs'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { expect, onTestFinished, test } from 'vitest'

const apiKey = 'sk-prefix-0123456789'

interface Service {
  readonly model: string
  readonly dialect: 'anthropic' | 'openai-chat' | 'openai-responses'
  readonly provider: (baseUrl: string) => Provider
}

const services: readonly Service[] = [
  { model: 'claude-opus-5-5', dialect: 'anthropic', provider: (baseUrl) => new AnthropicProvider({ baseUrl, apiKey }) },
  { model: 'gpt-4.1', dialect: 'openai-chat', provider: (baseUrl) => new OpenAiChatProvider({ baseUrl, apiKey }) },
  { model: 'gpt-5.6', dialect: 'openai-responses', provider: (baseUrl) => new OpenAiResponsesProvider({ baseUrl, apiKey }) },
]

const toolNames = ['weather', 'look', 'Calendar', 'add', 'look2']

/** The agent, made from nothing as a reloaded configuration makes it, with its tools in an order of `turn`. */
function agent(model: string, turn: number): AgentOptions {
  const tools = toolNames.map((name) =>
    defineTool({
      name,
      description: `Runs ${name}.`,
      inputSchema: { type: 'object', properties: { city: { type: 'string' }, at: { type: 'integer' } }, required: ['city'] },
      execute: (input) => ({ found: input, text: '漢字 🦀 '.repeat(100) }),
    }),
  )
  const order = [...tools.slice(turn % tools.length), ...tools.slice(0, turn % tools.length)]
  return { id: 'main', model: `test/${model}`, system: 'Be brief.', thinking: 'low', tools: turn % 2 === 0 ? order : order.toReversed() }
}

/** What of a request a service compares with what it has cached: all but the marks that say what to cache, and the list that grows. */
function prefixOf({ body }: ModelServer['requests'][number]): { readonly head: string; readonly list: string } {
  const unmarked = JSON.stringify(body, (key, value: unknown) => (key === 'cache_control' ? undefined : value))
  const { messages, input, ...head } = JSON.parse(unmarked) as JsonObject
  return { head: JSON.stringify(head), list: JSON.stringify(messages ?? input) }
}

test.each(services)(
  '$dialect: each request begins with the one before, over twenty turns with tools, reloads and stops in the middle',
  async ({ model, dialect, provider }) => {
    const path = mkdtempSync(join(tmpdir(), 'beamclaw-prefix-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    const held = Promise.withResolvers<'held'>()
    let calls = 0
    const answers = (): ModelAnswer | Promise<ModelAnswer> => {
      calls += 1
      // One process is stopped while the model is silent; the next one asks again.
      if (calls === 24) {
        held.resolve('held')
        return new Promise(() => {})
      }
      const thinking = `Thought ${calls}`
      if (calls % 3 === 0) return { thinking, text: `Answer ${calls}` }
      const toolCalls = [
        { id: `call_${calls}_a`, name: 'look', input: { city: 'Zürich', at: calls } },
        { id: `call_${calls}_b`, name: 'weather', inputText: '{"city": "漢字"}' },
      ]
      return { thinking, text: 'Let me see.', toolCalls }
    }
    await using server = await startModelServer({ answers, dialect })
    const start = (turn: number): Promise<RunningBeamClaw> =>
      new BeamClaw({
        store: new FsStore({ path, lockWaitMs: 5_000 }),
        providers: { test: provider(server.baseUrl) },
        agents: [agent(model, turn)],
      }).start()
    let claw = await start(0)
    onTestFinished(() => claw.stop())
    let isHeld = false
    for (let turn = 1; turn <= 20; turn++) {
      const ask = (): Promise<string> =>
        claw
          .session('chat')
          .send(`Question ${turn}`, { idempotencyKey: `turn-${turn}` })
          .result()
          .then(
            ({ text }) => text,
            (error: { readonly code: string }) => error.code,
          )
      const answer = ask()
      const isNowHeld = !isHeld && (await Promise.race([answer, held.promise])) === 'held'
      if (isNowHeld) {
        isHeld = true
        await claw.stop()
        expect(await answer).toBe('run-interrupted')
        claw = await start(turn)
      }
      expect(await (isNowHeld ? ask() : answer)).toContain('Answer')
      if (turn % 3 === 0) claw.updateAgents([agent(model, turn)])
      if (turn % 5 === 0) {
        await claw.stop()
        claw = await start(turn + 1)
      }
    }
    expect(isHeld).toBe(true)
    const requests = server.requests.map(prefixOf)
    expect(requests.length).toBeGreaterThan(40)
    const broken = requests.flatMap(({ head, list }, index) => {
      const before = requests[index - 1]
      if (before === undefined) return []
      return head === before.head && list.startsWith(before.list.slice(0, -1)) ? [] : [`request ${index + 1}`]
    })
    expect(broken).toEqual([])
  },
)
