// What was answered goes back as the service asks for: the server refuses what Anthropic refuses, with its texts.
import { readFileSync } from 'node:fs'
import {
  type AssistantMessage,
  BeamClaw,
  defineTool,
  type JsonObject,
  type Message,
  type ProviderPart,
  type ProviderRequest,
  type RunningBeamClaw,
} from '@beamclaw/core'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AnthropicProvider, type AnthropicProviderOptions } from './anthropic-provider.ts'

const key = 'agent:main:main'
const recorded = (file: string) => ({ raw: readFileSync(new URL(`../../fixtures/${file}`, import.meta.url), 'utf8') })
const tool = (name: string) => defineTool({ name, description: 'looks', inputSchema: { type: 'object' }, execute: () => 'sun' })
const model = 'claude-opus-5'

interface Talk {
  readonly claw: RunningBeamClaw
  readonly server: ModelServer
}

async function talk(answers: readonly object[], options: AnthropicProviderOptions = {}): Promise<Talk> {
  const server = await startModelServer({ answers: answers as never, dialect: 'anthropic' })
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test-0123456789', promptCaching: false, ...options })
  const claw = await new BeamClaw({
    providers: { claude: provider },
    agents: [{ id: 'main', model: `claude/${model}`, tools: [tool('weather'), tool('now')], thinking: 'high' }],
  }).start()
  onTestFinished(async () => {
    await claw.stop()
    await server.stop()
  })
  return { claw, server }
}

const bodyOf = (server: ModelServer, index: number): JsonObject => server.requests[index]?.body as JsonObject
const messagesIn = (body: JsonObject) => body.messages as readonly { readonly role: string; readonly content: readonly JsonObject[] }[]

describe('an answer with thinking between its calls', () => {
  test('goes back block for block, in the order in which it came, with one message of results', async () => {
    const { claw, server } = await talk([recorded('anthropic-tools.sse'), { text: 'Sunny.' }])
    expect((await claw.session(key).send('weather and time?').result()).text).toBe('Sunny.')
    expect(messagesIn(bodyOf(server, 1)).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Two cities: Zürich first.', signature: 'ErsNCpMBfirst==' },
          { type: 'tool_use', id: 'toolu_01A', name: 'weather', input: { city: 'Zürich' } },
          { type: 'thinking', thinking: '', signature: 'ErsNCpMBsecond==' },
          { type: 'tool_use', id: 'toolu_01B', name: 'now', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_01A', content: [{ type: 'text', text: 'sun' }] },
          { type: 'tool_result', tool_use_id: 'toolu_01B', content: [{ type: 'text', text: 'sun' }] },
        ],
      },
    ])
  })

  test('is refused by the service where a signature was changed on the way', async () => {
    const { claw } = await talk([])
    const thought = (signature: string): AssistantMessage => ({
      role: 'assistant',
      content: [
        { type: 'thinking', text: 'hm', providerMetadata: { claude: { signature } } },
        { type: 'text', text: 'so' },
      ],
    })
    const messages: Message[] = [{ role: 'user', content: 'hello' }, thought('forged'), { role: 'user', content: 'go on' }]
    const server = await startModelServer({ answers: ['fine'], dialect: 'anthropic' })
    onTestFinished(() => server.stop())
    const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude' })
    await expect(collect(provider, { model, messages })).rejects.toMatchObject({
      code: 'provider-bad-request',
      message: expect.stringContaining('Invalid `signature` in `thinking` block'),
    })
    expect(
      (await collect(provider, { model, messages: [messages[0] as Message, thought('ErsNabc=='), { role: 'user', content: 'go on' }] })).at(
        -1,
      ),
    ).toMatchObject({
      type: 'finish',
    })
    expect(claw.isRunning).toBe(true)
  })
})

describe('an answer with tools of the service', () => {
  test('goes back unharmed', async () => {
    const { claw, server } = await talk([recorded('anthropic-server-tools.sse'), { text: 'Yes.' }])
    await claw.session(key).send('Where is Lübeck?').result()
    await claw.session(key).send('Sure?').result()
    expect(messagesIn(bodyOf(server, 1))[1]?.content).toEqual([
      { type: 'text', text: 'I look.' },
      { type: 'server_tool_use', id: 'srvtoolu_01A', name: 'web_search', input: { query: 'Lübeck' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_01A',
        content: [
          { type: 'web_search_result', title: 'Lübeck', url: 'https://example.com/a', encrypted_content: 'EqgCclosed==', page_age: null },
        ],
      },
      {
        type: 'text',
        text: 'It is a town',
        citations: [
          {
            type: 'web_search_result_location',
            cited_text: 'A town',
            url: 'https://example.com/a',
            title: 'Lübeck',
            encrypted_index: 'Eo8Bindex==',
          },
        ],
      },
      { type: 'text', text: ' by the sea.' },
    ])
  })

  test('is asked for the rest when the service pauses, with what there is so far, and is one answer', async () => {
    const { claw, server } = await talk([recorded('anthropic-pause.sse'), recorded('anthropic-resumed.sse')], {
      extraBody: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    })
    const { text, usage } = await claw.session(key).send('Where is Lübeck?').result()
    expect(text).toBe('I search:A town.')
    expect(usage).toMatchObject({ inputTokens: 2_500 + 2_600, outputTokens: 52 })
    expect(messagesIn(bodyOf(server, 1)).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Search.', signature: 'ErsNCpMBfirst==' },
          { type: 'text', text: 'I search:' },
          { type: 'server_tool_use', id: 'srvtoolu_01A', name: 'web_search', input: { query: 'Lübeck' } },
        ],
      },
    ])
    const { messages } = await claw.session(key).history()
    expect(messages).toHaveLength(2)
    expect(messages[1]?.message.content).toMatchObject(['thinking', 'text', 'custom', 'custom', 'text'].map((type) => ({ type })))
  })

  test('is not asked for ever', async () => {
    const paused = recorded('anthropic-pause.sse')
    const { claw, server } = await talk(Array(40).fill(paused), { extraBody: { service_tier: 'auto' } })
    expect((await claw.session(key).send('Where?').result()).text).toMatch(/^(?:I search:)+$/)
    expect(server.requests).toHaveLength(21)
  })
})

async function collect(provider: AnthropicProvider, request: ProviderRequest): Promise<readonly ProviderPart[]> {
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream(request, { signal: new AbortController().signal })) parts.push(part)
  return parts
}
