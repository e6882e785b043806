/** Lets a recorded answer with calls go back to a server that refuses what its service refuses. */
import { readFileSync } from 'node:fs'
import type { AnswerPart, AssistantMessage, Message, Provider, ProviderRequest, ProviderWarning } from '@beamclaw/core'
import { type ModelServerOptions, startModelServer } from '@beamclaw/testkit/model-server'
import type { HttpOptions } from '../shared/http-options.ts'

/** What went over the wire. */
export interface Exchange {
  /** The body of the last request. */
  readonly body: { readonly [field: string]: unknown; readonly messages: readonly Record<string, unknown>[] }
  readonly warnings: readonly ProviderWarning[]
  readonly text: string
}

/** Returns the body of a fixture. */
function fixture(file: string): string {
  return readFileSync(new URL(`../../fixtures/${file}`, import.meta.url), 'utf8')
}

/** Returns the message of an answer, as a session keeps it. */
export async function messageOf(provider: Provider, request: ProviderRequest): Promise<AssistantMessage> {
  const content: AnswerPart[] = []
  let text = ''
  let thinking = ''
  for await (const part of provider.doStream(request, { signal: new AbortController().signal })) {
    if (part.type === 'text-delta') text += part.text
    else if (part.type === 'thinking-delta') thinking += part.text
    else if (part.type === 'thinking-end') {
      content.push({ ...part, type: 'thinking', text: thinking })
      thinking = ''
    } else if (part.type === 'tool-call') {
      if (text !== '') content.push({ type: 'text', text })
      text = ''
      content.push(part)
    } else if (part.type === 'finish') {
      if (text !== '') content.push({ type: 'text', text })
      return { role: 'assistant', content, ...(part.providerMetadata === undefined ? {} : { providerMetadata: part.providerMetadata }) }
    }
  }
  throw new Error('The answer has no end')
}

/** Returns the results of all calls of a message. */
export function resultsOf({ content }: AssistantMessage): Message {
  const results = content.flatMap((part) =>
    part.type === 'tool-call'
      ? [{ type: 'tool-result', toolCallId: part.id, name: part.name, content: 'done', isError: false } as const]
      : [],
  )
  return { role: 'tool', content: results }
}

/** Sends one request to a server that refuses what the service refuses, and resolves with what it got. */
export async function exchange(
  dialect: NonNullable<ModelServerOptions['dialect']>,
  make: (options: HttpOptions) => Provider,
  request: ProviderRequest,
): Promise<Exchange> {
  await using server = await startModelServer({ dialect, answers: ['taken'] })
  const provider = make({ baseUrl: server.baseUrl, apiKey: 'sk-round-trip-0123456789', service: 'recorded' })
  const warnings: ProviderWarning[] = []
  let text = ''
  for await (const part of provider.doStream(request, { signal: new AbortController().signal })) {
    if (part.type === 'text-delta') text += part.text
    if (part.type === 'warning') warnings.push({ setting: part.setting, message: part.message })
  }
  return { body: server.requests.at(-1)?.body as Exchange['body'], warnings, text }
}

/** Returns the message that a provider makes of a recorded answer. */
export async function recorded(
  file: string,
  make: (options: HttpOptions) => Provider,
  request: ProviderRequest,
): Promise<AssistantMessage> {
  await using server = await startModelServer({ answers: [{ raw: fixture(file) }] })
  return await messageOf(make({ baseUrl: server.baseUrl, apiKey: 'sk-round-trip-0123456789', service: 'recorded' }), request)
}
