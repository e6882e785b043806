import type { Message, ProviderPart, ProviderRequest, ToolDeclaration } from '@beamclaw/core'
import { type ModelAnswer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import type { OpenAiProviderOptions } from './openai-options.ts'
import { OpenAiProvider } from './openai-provider.ts'

const signal = new AbortController().signal
const tool: ToolDeclaration = { name: 'deploy', description: 'Deploys', inputSchema: { type: 'object', properties: {} } }
const hello: ProviderRequest = { model: 'gpt', messages: [{ role: 'user', content: 'hello' }] }

/** Sends one request and returns the answer's parts and the body that arrived. */
async function exchange(
  answer: ModelAnswer,
  request: Partial<ProviderRequest> = {},
  options: OpenAiProviderOptions = {},
): Promise<{ parts: ProviderPart[]; body: Record<string, unknown>; headers: Readonly<Record<string, unknown>> }> {
  await using server = await startModelServer({ answers: [answer] })
  const provider = new OpenAiProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test', ...options })
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream({ ...hello, ...request }, { signal })) parts.push(part)
  const [received] = server.requests
  expect(received).toMatchObject({ method: 'POST', path: '/v1/chat/completions' })
  return { parts, body: received?.body as Record<string, unknown>, headers: received?.headers ?? {} }
}

describe('requests', () => {
  it('carry every field', async () => {
    const { body, headers } = await exchange(
      { text: 'ok' },
      {
        system: 'Be brief',
        tools: [tool],
        toolChoice: { name: 'deploy' },
        maxOutputTokens: 5,
        temperature: 0.5,
        topP: 0.9,
        stopSequences: ['END'],
        thinking: 'high',
        userId: 'u1',
        responseFormat: { type: 'json', name: 'shape', schema: { type: 'object', additionalProperties: false } },
      },
    )
    expect(headers).toMatchObject({
      authorization: 'Bearer sk-test',
      'content-type': 'application/json',
      'content-length': expect.any(String),
    })
    expect(body).toEqual({
      model: 'gpt',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'hello' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      tools: [{ type: 'function', function: { name: 'deploy', description: 'Deploys', parameters: tool.inputSchema } }],
      tool_choice: { type: 'function', function: { name: 'deploy' } },
      max_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END'],
      reasoning_effort: 'high',
      user: 'u1',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'shape', schema: { type: 'object', additionalProperties: false }, strict: true },
      },
    })
  })

  it('follow the dialect of the server', async () => {
    const thought: Message = {
      role: 'assistant',
      content: [
        { type: 'thinking', text: 'hmm' },
        { type: 'text', text: 'yes' },
      ],
    }
    const request: Partial<ProviderRequest> = {
      maxOutputTokens: 5,
      responseFormat: { type: 'json' },
      messages: [...hello.messages, thought],
    }
    const options: OpenAiProviderOptions = {
      maxTokensField: 'max_completion_tokens',
      includeUsage: false,
      reasoningField: 'reasoning_content',
    }
    const { body } = await exchange({ text: 'ok' }, request, options)
    expect(body).toMatchObject({ max_completion_tokens: 5, response_format: { type: 'json_object' } })
    expect(body.messages).toContainEqual({ role: 'assistant', content: 'yes', reasoning_content: 'hmm' })
    expect(body).not.toHaveProperty('stream_options')
    expect(body).not.toHaveProperty('tool_choice')
    const { headers } = await exchange({ text: 'ok' }, {}, { headers: { Authorization: 'Custom 1', 'x-title': 'BeamClaw' } })
    expect(headers).toMatchObject({ authorization: 'Custom 1', 'x-title': 'BeamClaw' })
  })

  it('carry images, tool calls and results', async () => {
    const messages: Message[] = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this' },
          { type: 'image', mediaType: 'image/png', data: 'AAAA' },
          { type: 'image', mediaType: 'image/jpeg', url: 'https://example.com/a.jpg' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', id: 'a', name: 'look', input: { at: 1 } },
          { type: 'tool-call', id: 'b', name: 'look', input: {} },
        ],
      },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            toolCallId: 'a',
            name: 'look',
            isError: false,
            content: [
              { type: 'text', text: 'seen' },
              { type: 'image', mediaType: 'image/png', data: 'BBBB' },
            ],
          },
          { type: 'tool-result', toolCallId: 'b', name: 'look', isError: true, content: 'dark' },
        ],
      },
      { role: 'assistant', content: [] },
    ]
    const { body } = await exchange({ text: 'ok' }, { messages })
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.jpg' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'look', arguments: '{"at":1}' } },
          { id: 'b', type: 'function', function: { name: 'look', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'seen\n[the image follows below]' },
      { role: 'tool', tool_call_id: 'b', content: 'The tool failed: dark' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'From the tool look:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,BBBB' } },
        ],
      },
    ])
  })
})
