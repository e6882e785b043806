/** Text files, as journals of every version hold them, on their way to each service. */
import type { Message, Provider } from '@beamclaw/core'
import { expect, it } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiChatProvider } from '../openai/openai-chat-provider.ts'
import { OpenAiResponsesProvider } from '../openai-responses/openai-responses-provider.ts'
import { exchange } from '../testing/round-trip.ts'
import type { HttpOptions } from './http-options.ts'

const messages = (data: string): readonly Message[] => [
  { role: 'user', content: [{ type: 'file', mediaType: 'text/plain', name: 'a.txt', data }] },
]

it.each<['anthropic' | 'openai-chat' | 'openai-responses', (options: HttpOptions) => Provider]>([
  ['anthropic', (options) => new AnthropicProvider(options)],
  ['openai-chat', (options) => new OpenAiChatProvider(options)],
  ['openai-responses', (options) => new OpenAiResponsesProvider(options)],
])('%s gets a text file as text, and a note for one that is not base64', async (service, make) => {
  for (const [data, words] of [
    ['SGVsbG8sIHdvcmxk', 'Hello, world'],
    [' SGVsbG8s\nIHdvcmxk', 'Hello, world'],
    ['Hello, world', '[this file cannot be read: its data is not base64]'],
    ['Hello', '[this file cannot be read: its data is not base64]'],
  ] as const) {
    const { body, text } = await exchange(service, make, { model: 'any', messages: messages(data) })
    expect(text).toBe('taken')
    expect(JSON.stringify(body)).toContain(words)
  }
})
