// Whatever is asked of whichever model, the service takes it: what it would refuse is left out, and a warning says so.
import type { ProviderPart, ProviderRequest, ThinkingLevel, ToolChoice } from '@beamclaw/core'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AnthropicProvider, type AnthropicProviderOptions } from './anthropic-provider.ts'

const tool = { name: 'look', description: 'looks', inputSchema: { type: 'object' } } as const
const schema = {
  type: 'object',
  properties: {
    age: { type: 'integer', minimum: 0, description: 'in years' },
    name: { type: 'string', maxLength: 10 },
    tags: { type: 'array', maxItems: 3 },
  },
  required: ['age'],
}

const models = [
  ...['claude-fable-5-1', 'claude-fable-5', 'claude-mythos-5', 'claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-opus-5'],
  ...['claude-sonnet-5', 'claude-opus-4-8', 'claude-opus-4-7', 'claude-opus-4-6', 'claude-sonnet-4-6', 'claude-opus-4-5-20251101'],
  ...[
    'claude-sonnet-4-5',
    'claude-haiku-4-5',
    'claude-opus-4-1-20250805',
    'claude-opus-4-0',
    'claude-sonnet-4-20250514',
    'claude-3-7-sonnet-latest',
  ],
  ...['claude-3-5-haiku-latest', 'claude-opus-6', 'claude-fable-7-2'],
]

let server: ModelServer

beforeAll(async () => {
  server = await startModelServer({ answers: () => 'fine', dialect: 'anthropic' })
})

afterAll(() => server.stop())

async function asked(
  request: Partial<ProviderRequest>,
  options: AnthropicProviderOptions = {},
): Promise<{ readonly parts: readonly ProviderPart[]; readonly body: Record<string, unknown> }> {
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test-0123456789', ...options })
  const parts: ProviderPart[] = []
  const whole = { model: 'claude-opus-5', messages: [{ role: 'user', content: 'hello' }] as const, ...request }
  for await (const part of provider.doStream(whole, { signal: new AbortController().signal })) parts.push(part)
  return { parts, body: server.requests.at(-1)?.body as Record<string, unknown> }
}

const warningsIn = (parts: readonly ProviderPart[]) => parts.flatMap((part) => (part.type === 'warning' ? [part.setting] : []))

describe.each(models)('%s', (model) => {
  const levels: readonly ThinkingLevel[] = ['off', 'low', 'high']
  const choices: readonly ToolChoice[] = ['auto', 'none', 'required', { name: 'look' }]
  const sampling = [{}, { temperature: 0.5 }, { topP: 0.9 }, { temperature: 0.5, topP: 0.9 }]

  test.each(levels)('takes every request with thinking %s, and tells what was left out', async (thinking) => {
    for (const toolChoice of choices) {
      for (const one of sampling) {
        const { parts, body } = await asked({
          model,
          thinking,
          toolChoice,
          tools: [tool],
          responseFormat: { type: 'json', schema },
          ...one,
        })
        expect(parts.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' })
        const left = warningsIn(parts)
        const { type } = body.tool_choice as { readonly type: string }
        const isForced = toolChoice === 'required' || typeof toolChoice === 'object'
        expect(left.includes('toolChoice')).toBe(isForced && type === 'auto')
        expect(left.includes('temperature')).toBe('temperature' in one && !('temperature' in body))
        expect(left.includes('topP')).toBe('topP' in one && !('top_p' in body))
        const { type: mode = 'off' } = (body.thinking ?? {}) as { readonly type?: string }
        const isOn = mode === 'adaptive' || mode === 'enabled'
        expect(left.includes('thinking')).toBe(thinking !== 'off' && !isOn)
      }
    }
  })
})

describe('a request', () => {
  test('says that the model is not to think where it would by itself, and asks for little where it always does', async () => {
    const thinkingOf = async (model: string) => (await asked({ model })).body
    expect(await thinkingOf('claude-sonnet-5')).toMatchObject({ thinking: { type: 'disabled' } })
    expect(await thinkingOf('claude-sonnet-5-5')).toMatchObject({ thinking: { type: 'between_tools' } })
    expect(await thinkingOf('claude-fable-5')).toMatchObject({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } })
    expect(await thinkingOf('claude-opus-4-8')).not.toHaveProperty('thinking')
  })

  test('has blocks of thinking dropped whose beginning has changed, where the model binds them to it, by a beta beside those of the caller', async () => {
    const thinking = 'high'
    const headers = { 'Anthropic-Beta': 'context-1m-2025-08-07' }
    const { body } = await asked({ model: 'claude-opus-5-5', thinking }, { headers })
    expect(body.thinking).toMatchObject({ type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } })
    expect(server.requests.at(-1)?.headers['anthropic-beta']).toBe('context-1m-2025-08-07,thinking-binding-controls-2026-08-01')
    expect((await asked({ model: 'claude-opus-5', thinking })).body.thinking).toEqual({ type: 'adaptive', display: 'summarized' })
    expect(server.requests.at(-1)?.headers).not.toHaveProperty('anthropic-beta')
  })

  test('asks for no more tokens than the model gives, and leaves some for the answer', async () => {
    const tokens = async (request: Partial<ProviderRequest>) => {
      const { max_tokens, thinking } = (await asked({ model: 'claude-haiku-4-5', ...request })).body
      return [max_tokens, (thinking as { readonly budget_tokens?: number } | undefined)?.budget_tokens]
    }
    expect(await tokens({ maxOutputTokens: 1_000_000 })).toEqual([64_000, undefined])
    expect(await tokens({ maxOutputTokens: 100, thinking: 'high' })).toEqual([24_676, 24_576])
    expect(await tokens({ maxOutputTokens: 60_000, thinking: 'high' })).toEqual([64_000, 24_576])
    expect(await tokens({ maxOutputTokens: 1_000_000, thinking: 'low' })).toEqual([64_000, 2_048])
    expect((await asked({ model: 'mine', maxOutputTokens: 9_999 }, { models: { mine: { maxOutputTokens: 500 } } })).body.max_tokens).toBe(
      500,
    )
  })

  test('has the schema that the service can enforce, and says the rest in words', async () => {
    const { body } = await asked({ responseFormat: { type: 'json', schema } })
    expect(body.output_config).toMatchObject({
      format: {
        schema: {
          type: 'object',
          properties: {
            age: { type: 'integer', description: 'in years minimum: 0' },
            name: { type: 'string', description: 'maxLength: 10' },
            tags: { type: 'array', description: 'maxItems: 3' },
          },
          required: ['age'],
          additionalProperties: false,
        },
      },
    })
    const open = { type: 'object', additionalProperties: { type: 'number' } }
    const recursive = { type: 'object', properties: { next: { $ref: '#' } } }
    for (const loose of [open, recursive, { type: 'object' }]) {
      const { body: asking } = await asked({ responseFormat: { type: 'json', schema: loose } })
      expect(asking.output_config).toBeUndefined()
      expect(JSON.stringify(asking.system)).toContain('JSON Schema')
    }
  })

  test('keeps its cache for an hour where asked to', async () => {
    const { body } = await asked({ system: 'Be brief.', tools: [tool] }, { cacheTtl: '1h' })
    const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
    expect(body).toMatchObject({ system: [mark], tools: [mark], messages: [{ content: [mark] }] })
  })
})
