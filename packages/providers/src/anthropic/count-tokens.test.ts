// Tokens are counted for the request that would be sent, as far as it makes input.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { JsonObject, ProviderRequest } from '@beamclaw/core'
import { expect, onTestFinished, test } from 'vitest'
import { AnthropicProvider, type AnthropicProviderOptions } from './anthropic-provider.ts'

const question = { role: 'user', content: 'hello' } as const
const look = { name: 'look', description: 'looks', inputSchema: { type: 'object' } } as const

async function count(request: Partial<ProviderRequest>, options: AnthropicProviderOptions = {}) {
  let received: { readonly path: string | undefined; readonly body: JsonObject; readonly betas: unknown } | undefined
  const server = createServer(async (incoming, response) => {
    received = { path: incoming.url, body: (await json(incoming)) as JsonObject, betas: incoming.headers['anthropic-beta'] }
    response.setHeader('content-type', 'application/json').end('{"input_tokens":51}')
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const provider = new AnthropicProvider({ baseUrl: `http://127.0.0.1:${port}`, promptCaching: false, ...options })
  const asked = { model: 'claude-opus-5', messages: [question], ...request }
  const tokens = await provider.countTokens(asked, { signal: new AbortController().signal })
  return { tokens, ...received }
}

test('counts all that makes input, and sends nothing else', async () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false }
  const { tokens, path, body } = await count({
    system: 'Be brief.',
    tools: [look],
    maxOutputTokens: 20,
    stopSequences: ['.'],
    userId: 'u1',
    responseFormat: { type: 'json', schema },
  })
  expect([tokens, path]).toEqual([51, '/v1/messages/count_tokens'])
  expect(body).toEqual({
    model: 'claude-opus-5',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
    system: [{ type: 'text', text: 'Be brief.' }],
    tools: [{ name: 'look', description: 'looks', input_schema: { type: 'object' } }],
    tool_choice: { type: 'auto' },
    thinking: { type: 'disabled' },
    output_config: { format: { type: 'json_schema', schema } },
  })
})

test('names the beta that the request needs, beside those of the caller', async () => {
  const request = { model: 'claude-opus-5-5' } as const
  expect(await count(request)).toMatchObject({ tokens: 51, betas: 'thinking-binding-controls-2026-08-01' })
  const headers = { 'anthropic-beta': 'context-1m-2025-08-07' }
  expect((await count(request, { headers })).betas).toBe('context-1m-2025-08-07,thinking-binding-controls-2026-08-01')
  expect((await count({}, { headers })).betas).toBe('context-1m-2025-08-07')
  expect((await count({})).betas).toBeUndefined()
})

test('counts the tools and servers of the extra body, in place of those of the request', async () => {
  const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
  const { body } = await count({ tools: [look] }, { extraBody: { tools, mcp_servers: [], service_tier: 'auto' } })
  expect(body).toMatchObject({ tools, mcp_servers: [] })
  expect(body).not.toHaveProperty('service_tier')
})
