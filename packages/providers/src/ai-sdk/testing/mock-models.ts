/** The AI SDK's own mock models, with answers that are given as parts. */
import type { JsonObject, Message, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { MockLanguageModelV3, MockLanguageModelV4 } from 'ai/test'
import { AiSdkProvider, type AiSdkProviderOptions } from '../ai-sdk-provider.ts'

/** The versions of the specification. */
export const versions = ['v3', 'v4'] as const

/** A mock, and the options of the calls that it got. */
export interface MockModel {
  readonly model: MockLanguageModelV3 | MockLanguageModelV4
  readonly calls: readonly MockCall[]
}

/** The options of a call, as far as tests look at them. */
export interface MockCall {
  readonly [name: string]: unknown
  readonly prompt: readonly { readonly role: string; readonly content: unknown }[]
  readonly abortSignal: AbortSignal
}

/** What a mock does with a call. */
export type MockAnswer = (options: MockCall) => unknown

/** Returns a mock whose calls go to `answer`. */
export function mockModel(
  version: (typeof versions)[number],
  answer: MockAnswer,
  options: { readonly supportedUrls?: unknown; readonly provider?: string } = {},
): MockModel {
  const doStream = (given: unknown): unknown => answer(given as MockCall)
  // The mocks want answers of their own types; what is sent here may be of none.
  const made =
    version === 'v3'
      ? new MockLanguageModelV3({ ...options, doStream } as never)
      : new MockLanguageModelV4({ ...options, doStream } as never)
  return { model: made, calls: made.doStreamCalls as unknown as readonly MockCall[] }
}

/** Returns an answer of these parts, after which the stream ends. */
export function streamOf(parts: readonly unknown[]): { readonly stream: ReadableStream<unknown> } {
  return { stream: ReadableStream.from(parts) }
}

/** The finish of an answer. */
export function finish(unified = 'stop', raw: string | undefined = unified, usage: JsonObject = {}): JsonObject {
  const { inputTokens = { total: 10 }, outputTokens = { total: 5 } } = usage
  return { type: 'finish', finishReason: { unified, raw }, usage: { inputTokens, outputTokens } }
}

/** A text in one piece. */
export function textBlock(text: string): readonly JsonObject[] {
  return [
    { type: 'text-start', id: 'mock-text' },
    { type: 'text-delta', id: 'mock-text', delta: text },
    { type: 'text-end', id: 'mock-text' },
  ]
}

/** Resolves with what a provider makes of the parts of a model. */
export async function partsFrom(
  parts: readonly unknown[],
  options: Partial<AiSdkProviderOptions> = {},
  messages: readonly Message[] = [],
): Promise<ProviderPart[]> {
  const { model } = mockModel('v4', () => streamOf(parts), { provider: 'mock.chat' })
  return collect(new AiSdkProvider({ model, ...options }), { messages })
}

/** Resolves with the parts of an answer. */
export async function collect(
  provider: AiSdkProvider,
  request: Partial<ProviderRequest> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ProviderPart[]> {
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream({ model: 'mock-1', messages: [{ role: 'user', content: 'hello' }], ...request }, { signal }))
    parts.push(part)
  return parts
}

/** Resolves with the options that a model got for a request, and the settings that were warned of. */
export async function asked(
  version: (typeof versions)[number],
  request: Partial<ProviderRequest>,
  options: Partial<AiSdkProviderOptions> = {},
  supportedUrls: unknown = {},
): Promise<MockCall & { readonly warned: readonly string[] }> {
  const { model, calls } = mockModel(version, () => streamOf([...textBlock('ok'), finish()]), { provider: 'mock.chat', supportedUrls })
  const parts = await collect(new AiSdkProvider({ model, ...options }), request)
  const warned = parts.flatMap((part) => (part.type === 'warning' ? [part.setting] : []))
  return { ...(calls[0] as MockCall), warned }
}
