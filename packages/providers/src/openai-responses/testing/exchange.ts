/** One call of the provider to a model server of its own. */
import type { JsonObject, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { type ModelServerOptions, type ScriptedModelAnswer, type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { OpenAiResponsesProvider } from '../openai-responses-provider.ts'
import type { OpenAiResponsesProviderOptions } from '../responses-options.ts'

/** What was sent, and what came of it. */
export interface Exchange {
  readonly body: JsonObject
  readonly parts: readonly ProviderPart[]
}

/** Resolves with the parts of a scripted answer. Rejects as the stream does. */
export async function exchange(
  answer: ScriptedModelAnswer,
  request: Partial<ProviderRequest> = {},
  options: OpenAiResponsesProviderOptions & Pick<ModelServerOptions, 'dialect'> = {},
): Promise<Exchange> {
  const { dialect, ...rest } = options
  await using server = await startModelServer({ answers: [answer], ...(dialect === undefined ? {} : { dialect }) })
  const provider = new OpenAiResponsesProvider({ baseUrl: server.baseUrl, apiKey: 'sk-exchange-0123456789', service: 'test', ...rest })
  const asked = { model: 'scripted-1', messages: [{ role: 'user', content: 'hi' }], ...request } as const
  const parts = await partsOf(provider.doStream(asked, { signal: new AbortController().signal }))
  return { body: server.requests.at(-1)?.body as JsonObject, parts }
}

/** Resolves with all parts of an answer. */
export async function partsOf(answer: AsyncIterable<ProviderPart>): Promise<readonly ProviderPart[]> {
  const parts: ProviderPart[] = []
  for await (const part of answer) parts.push(part)
  return parts
}

/** Returns events as the service frames them. */
export function events(...given: readonly JsonObject[]): readonly SseFrame[] {
  return given.map((data) => ({ event: String(data.type), data }))
}

/** Returns the event that ends an answer. */
export function completed(output: readonly JsonObject[] = [], rest: JsonObject = {}): JsonObject {
  return { type: 'response.completed', response: { status: 'completed', output, ...rest } }
}

/** Returns the event that ends an answer which was cut off. */
export function incomplete(reason: string, output: readonly JsonObject[] = []): JsonObject {
  return { type: 'response.incomplete', response: { status: 'incomplete', incomplete_details: { reason }, output } }
}
