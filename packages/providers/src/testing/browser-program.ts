/** A program for browsers and edge runtimes, which asks a model on the page's own server. */
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import { OpenAiResponsesProvider } from '../openai-responses/openai-responses-provider.ts'

const providers = { AnthropicProvider, OpenAiProvider, OpenAiResponsesProvider }

async function ask(baseUrl: string): Promise<string> {
  let text = ''
  const provider = new providers.OpenAiProvider({ baseUrl, apiKey: 'sk-browser-0123456789' })
  const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }] } as const
  for await (const part of provider.doStream(request, { signal: new AbortController().signal })) {
    if (part.type === 'text-delta') text += part.text
  }
  return text
}

Object.assign(globalThis, { ask, providers })
