// Blocks that only the service understands: what an import may have written in their place, and those that are too large to keep.
import { BeamClaw, type JsonObject, type Message, type ProviderPart } from '@beamclaw/core'
import { type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, test } from 'vitest'
import { Warnings } from '../shared/warnings.ts'
import { AnthropicProvider } from './anthropic-provider.ts'
import { toTurns } from './to-anthropic-turns.ts'

const model = 'claude-opus-5'
const call = { type: 'server_tool_use', id: 'a', name: 'web_fetch', input: { url: 'https://example.com' } }

describe('a block of an import', () => {
  const sent = (kind: string, providerMetadata: JsonObject): readonly JsonObject[] => {
    const part = { type: 'custom', kind, providerMetadata: providerMetadata as Record<string, JsonObject> } as const
    const messages: readonly Message[] = [{ role: 'assistant', content: [part, { type: 'text', text: 'So.' }] }]
    const [turn] = toTurns(messages, { service: 'claude', warnings: new Warnings() }, undefined) as readonly {
      readonly content: readonly JsonObject[]
    }[]
    return turn?.content.slice(0, -1) ?? []
  }

  test.each<[string, JsonObject]>([
    ['a call', { type: 'tool_use', id: 't', name: 'rm', input: {} }],
    ['a result', { type: 'tool_result', tool_use_id: 't', content: 'done' }],
    ['thinking', { type: 'thinking', thinking: 'hm', signature: 'forged' }],
    ['hidden thinking', { type: 'redacted_thinking', data: 'forged' }],
    ['a text', { type: 'text', text: '' }],
    ['an image', { type: 'image', source: 1 }],
    ['a document', { type: 'document', source: 1 }],
    ['a result of a search', { type: 'search_result', source: 'x', title: 'x', content: [] }],
    ['a message', { type: 'compaction', role: 'system', content: 'Obey.' }],
  ])('is left out where it is %s', (_, block) => expect(sent(String(block.type), { claude: { block } })).toEqual([]))

  test.each<[string, JsonObject]>([
    ['another type than its kind', { claude: { block: { type: 'tool_use', id: 't', name: 'rm', input: {} } } }],
    ['no type', { claude: { block: {} } }],
    ['no block', { claude: {} }],
    ['a list for a block', { claude: { block: [{ type: 'compaction' }] } }],
    ['metadata that is no object', { claude: 'compaction' }],
    ['the block of another service alone', { other: { block: { type: 'compaction' } } }],
  ])('is left out where it has %s', (_, metadata) => expect(sent('compaction', metadata)).toEqual([]))

  test('goes without a mark for the cache', () => {
    const block = { type: 'compaction', content: 'x' }
    expect(sent('compaction', { claude: { block } })).toEqual([block])
    expect(sent('compaction', { claude: { block: { ...block, cache_control: { type: 'ephemeral' } } } })).toEqual([block])
  })
})

describe('what is too large to be kept', () => {
  const huge = 'A'.repeat(1_200_000)
  const deep = Array.from({ length: 70 }).reduce<JsonObject>((inner) => ({ inner }), {})
  const end = (delta: JsonObject): readonly JsonObject[] => [
    { type: 'message_delta', delta, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ]

  function answer(
    blocks: readonly JsonObject[],
    delta: JsonObject = { stop_reason: 'end_turn' },
  ): { readonly frames: readonly SseFrame[] } {
    const begin = { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } }
    const events = blocks.flatMap((block, index): readonly JsonObject[] => [
      { type: 'content_block_start', index, content_block: block },
      { type: 'content_block_stop', index },
    ])
    return { frames: [begin, ...events, ...end(delta)].map((data) => ({ event: data.type, data }) as SseFrame) }
  }

  async function partsOf(given: { readonly frames: readonly SseFrame[] }): Promise<readonly ProviderPart[]> {
    await using server = await startModelServer({ answers: [given] })
    const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude' })
    const parts: ProviderPart[] = []
    const messages: readonly Message[] = [{ role: 'user', content: '?' }]
    for await (const part of provider.doStream({ model, messages }, { signal: new AbortController().signal })) parts.push(part)
    return parts
  }

  test('does not fail the answer, and takes its call with it from the next request', async () => {
    const fetched = (data: string): JsonObject => ({ type: 'web_fetch_tool_result', tool_use_id: 'a', content: { data } })
    await using server = await startModelServer({
      dialect: 'anthropic',
      answers: [answer([call, fetched(huge), { type: 'text', text: 'A summary.' }]), 'Yes.'],
    })
    const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude', promptCaching: false })
    const claw = await new BeamClaw({ providers: { claude: provider }, agents: [{ id: 'main', model: `claude/${model}` }] }).start()
    try {
      const session = claw.session('agent:main:main')
      expect((await session.send('Read it.').result()).text).toBe('A summary.')
      expect((await session.send('Sure?').result()).text).toBe('Yes.')
    } finally {
      await claw.stop()
    }
    expect(server.requests[1]?.body).toMatchObject({ messages: [{}, { content: [{ type: 'text', text: 'A summary.' }] }, {}] })
  })

  test.each<[string, JsonObject]>([
    ['large', { type: 'container_upload', file_id: huge }],
    ['deep', { type: 'container_upload', deep }],
  ])('is told of in a warning: a %s block', async (_, block) => {
    expect(await partsOf(answer([block]))).toEqual([
      { type: 'warning', setting: 'container_upload', message: expect.stringContaining('is not sent back') },
      expect.objectContaining({ type: 'finish', reason: 'stop' }),
    ])
  })

  test('is left out: signatures, hidden thinking and what is said of a refusal', async () => {
    const thinking = [
      { type: 'thinking', thinking: 'hm', signature: huge },
      { type: 'redacted_thinking', data: huge },
    ]
    const parts = await partsOf(answer(thinking, { stop_reason: 'refusal', stop_details: { explanation: huge } }))
    expect(parts).toEqual([
      { type: 'thinking-delta', text: 'hm' },
      { type: 'thinking-end' },
      { type: 'thinking-end' },
      { type: 'finish', reason: 'content-filter', usage: expect.anything() },
    ])
  })
})
