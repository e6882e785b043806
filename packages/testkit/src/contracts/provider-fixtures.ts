/** The fixtures of the provider contract: the provider under test, and helpers that call it and collect its parts. */
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import * as assert from './assert.ts'
import type { ContractTests } from './contract.ts'

/** The behaviour of the service behind a provider in its next call. */
export type ServiceBehavior =
  /** The service sends some text. */
  | { readonly type: 'text' }
  /** Calls the first of the request's tools, once or more. */
  | { readonly type: 'tool-call' }
  /** Sends some text, then nothing more; the connection stays open. */
  | { readonly type: 'hang' }
  /** Fails: for a wrong key (quoting it, as services do), for too many calls, or with a server error. */
  | { readonly type: 'fail'; readonly as: 'auth' | 'rate-limit' | 'server' }
  /** Sends some text, and then the connection breaks. */
  | { readonly type: 'break' }
  /** Accepts the request and sends nothing back, not even a header. */
  | { readonly type: 'silence' }
  /** Sends exactly this text, in more than one piece, and reports exactly these tokens, none of them cached. */
  | { readonly type: 'say'; readonly text: string; readonly inputTokens: number; readonly outputTokens: number }
  /** Begins to call the first of the request's tools, and hits the output limit before the call's input is complete. */
  | { readonly type: 'cut-off' }

/** A provider for one test. */
export interface ProviderUnderTest {
  readonly provider: Provider
  /** A model that the provider knows. */
  readonly model: string
  /** Arranges the answer to the next call; answers are given in the order they are arranged. */
  arrange(behavior: ServiceBehavior): void | Promise<void>
  /** The provider's API key or token, which no error may contain. */
  readonly secret?: string
  /** The name under which the provider keeps what its service needs back, in `providerMetadata`. @default it keeps nothing */
  readonly service?: string
  /** Returns the last request that the service received, as text: its body, and headers that carry content. Undefined before the first. */
  lastRequest?(): string | undefined
  /** Resolves once no call holds a connection. */
  idle?(): Promise<void>
  /** Called after the test. */
  dispose?(): Promise<void>
}

export type ProviderTests = ContractTests<ProviderUnderTest>

/** A tool that the service can call. */
export const tool = {
  name: 'add',
  description: 'Adds two numbers',
  inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
} as const

/** The user's message. */
export const question = 'What is 2 + 3? Use the tool add if you have it.'

/** The result of one call: its parts, and its error. */
export interface CollectedAnswer {
  readonly parts: readonly ProviderPart[]
  readonly error: unknown
}

/** Asks the question; `rest` replaces parts of the request. */
export function ask(
  { provider, model }: ProviderUnderTest,
  rest: Partial<ProviderRequest> = {},
  signal: AbortSignal = new AbortController().signal,
): AsyncIterable<ProviderPart> {
  return provider.doStream({ model, messages: [{ role: 'user', content: question }], ...rest }, { signal })
}

/** Listens to the end. */
export async function hear(stream: AsyncIterable<ProviderPart>): Promise<CollectedAnswer> {
  const parts: ProviderPart[] = []
  try {
    for await (const part of stream) parts.push(part)
    return { parts, error: undefined }
  } catch (error) {
    return { parts, error }
  }
}

/** The types of parts. */
export function typesOf(parts: readonly ProviderPart[]): readonly string[] {
  return parts.map(({ type }) => type)
}

/** Passes for a BeamClawError whose code is one of these, or any that starts with `provider-`. */
export function expectProviderError(error: unknown, ...codes: readonly string[]): void {
  if (!BeamClawError.isInstance(error)) assert.fail(`expected a BeamClawError, got ${String(error)}`)
  assert.isTrue(error.code.startsWith('provider-'), `expected a code that starts with "provider-", received "${error.code}"`)
  if (codes.length > 0) assert.includes(codes, error.code)
}

/** The text of an answer. */
export function textOf(parts: readonly ProviderPart[]): string {
  return parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')
}

/** Some turns of the event loop: more than a step of the provider takes that waits for nothing from outside. */
export async function someTurns(): Promise<void> {
  for (let count = 0; count < 20; count++) await new Promise((resolve) => setImmediate(resolve))
}
