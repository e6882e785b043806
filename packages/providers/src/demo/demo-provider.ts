/** A model that lives in this process: no key, no network, the same answer every time. For first runs, examples and tests. */
import {
  BeamClawError,
  type Clock,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  SystemClock,
} from '@beamclaw/core'
import * as z from 'zod'
import { aborted, throwIfAborted } from '../shared/aborted.ts'
import { anObjectWith, checkOptions } from '../shared/options.ts'
import { partStream } from '../shared/part-stream.ts'
import { type DemoAnswer, demoAnswer, echoAnswer } from './demo-answer.ts'

/** How the demo model behaves. */
export interface DemoProviderOptions {
  /** Milliseconds before each word; 0 uses no timer. @default 0 */
  readonly delayMs?: number
  /** Where the delays come from. @default the system's clock */
  readonly clock?: Clock
}

/** What `DemoProvider` uses for options that are left out. */
export const demoProviderDefaults = { delayMs: 0 } as const satisfies DemoProviderOptions

const optionsSchema = z.strictObject({
  delayMs: z
    .number()
    .refine((value) => value >= 0 && value <= 60_000, 'must be milliseconds from 0 to 60000')
    .optional(),
  clock: anObjectWith<Clock>('now', 'monotonic', 'setTimer', 'yieldTo').optional(),
})

const contextWindow = 128_000
const charactersPerToken = 4

/** Answers by rule, word by word. Models: `demo-1` explains BeamClaw, does sums and calls tools; `echo` repeats the last user message. */
export class DemoProvider implements Provider {
  readonly #delayMs: number
  readonly #clock: Clock

  constructor(options: DemoProviderOptions = {}) {
    checkOptions('DemoProvider', optionsSchema, options)
    this.#delayMs = options.delayMs ?? demoProviderDefaults.delayMs
    this.#clock = options.clock ?? new SystemClock()
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterableIterator<ProviderPart, void, undefined> {
    return partStream((callSignal) => this.#answer(request, callSignal), signal)
  }

  async *#answer(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
    throwIfAborted(signal)
    const answer = answerOf(request)
    const allowedWords = request.maxOutputTokens ?? Number.POSITIVE_INFINITY
    let produced = 0
    let isCut = false

    if (request.thinking !== undefined && request.thinking !== 'off') {
      for (const text of words(answer.thought)) {
        await this.#pause(signal)
        produced += text.length
        yield { type: 'thinking-delta', text }
      }
      yield { type: 'thinking-end' }
    }
    let wordCount = 0
    for (const text of words(request.responseFormat === undefined ? answer.text : JSON.stringify({ answer: answer.text }))) {
      if (++wordCount > allowedWords) {
        isCut = true
        break
      }
      await this.#pause(signal)
      produced += text.length
      yield { type: 'text-delta', text }
    }
    if (answer.type === 'call' && !isCut) {
      const { id, name, input, invalidInput } = answer.call
      const inputText = invalidInput ?? JSON.stringify(input)
      yield { type: 'tool-call-start', id, name }
      for (const piece of words(inputText)) {
        await this.#pause(signal)
        produced += piece.length
        yield { type: 'tool-call-delta', id, inputText: piece }
      }
      throwIfAborted(signal)
      yield answer.call
    }
    throwIfAborted(signal)
    yield {
      type: 'finish',
      reason: isCut ? 'length' : answer.type === 'call' ? 'tool-calls' : 'stop',
      usage: { inputTokens: estimateInput(request), outputTokens: tokens(produced), cacheReadTokens: 0, cacheWriteTokens: 0 },
    }
  }

  async listModels(): Promise<readonly ModelInfo[]> {
    return [
      { id: 'demo-1', contextWindow },
      { id: 'echo', contextWindow },
    ]
  }

  async #pause(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    if (this.#delayMs === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = this.#clock.setTimer(resolve, this.#delayMs)
    const onAbort = () => {
      timer.cancel()
      reject(aborted(signal))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function answerOf(request: ProviderRequest): DemoAnswer {
  if (request.model === 'demo-1') return demoAnswer(request)
  if (request.model === 'echo') return echoAnswer(request)
  throw new BeamClawError('provider-bad-request', 'The demo provider has the models demo-1 and echo only', {
    details: { providerCode: 'model_not_found', model: request.model.slice(0, 64) },
  })
}

/** Cuts after each run of spaces, so that the pieces joined are the text. */
function words(text: string): readonly string[] {
  return text.match(/\s*\S+\s*|\s+/gu) ?? []
}

/** One token for every four characters of text, tool declarations and calls; close enough to make budgets visible. */
function tokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken)
}

function estimateInput({ system = '', messages, tools = [] }: ProviderRequest): number {
  let characters = system.length
  for (const { content } of messages) characters += typeof content === 'string' ? content.length : JSON.stringify(content).length
  if (tools.length > 0) characters += JSON.stringify(tools).length
  return tokens(characters)
}
