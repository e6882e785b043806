/** A deterministic model within this process, without API key and network: for first runs, examples and tests. */
import {
  BeamClawError,
  type Clock,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  SystemClock,
} from '@beamclaw/core'
import { abortedError, anObjectWith, checkOptions, integer, type OptionRules, providerStream, sleep } from '@beamclaw/core/adapter'
import { type DemoAnswer, demoAnswer, echoAnswer } from './demo-answer.ts'

/** Options of a `DemoProvider`. */
export interface DemoProviderOptions {
  /** Milliseconds before each word; 0 uses no timer. @default 0 */
  readonly delayMs?: number
  /** The clock of the delays. @default the system's clock */
  readonly clock?: Clock
}

/** Defaults for `DemoProviderOptions`. */
export const demoProviderDefaults = { delayMs: 0 } as const satisfies DemoProviderOptions

const rules: OptionRules<DemoProviderOptions> = {
  delayMs: integer(0, 60_000),
  clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
}

const contextWindow = 128_000
const charactersPerToken = 4

/**
 * A `Provider` with two rule-based models, which stream word by word: `demo-1` explains BeamClaw, computes sums and calls tools; `echo` repeats
 * the last user message. The constructor throws `invalid-option`.
 *
 * @example
 * const claw = new BeamClaw({ providers: { demo: new DemoProvider() }, agents: [{ id: 'main', model: 'demo/demo-1' }] })
 */
export class DemoProvider implements Provider {
  readonly #delayMs: number
  readonly #clock: Clock

  constructor(options: DemoProviderOptions = {}) {
    checkOptions('DemoProvider', options, rules)
    this.#delayMs = options.delayMs ?? demoProviderDefaults.delayMs
    this.#clock = options.clock ?? new SystemClock()
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterableIterator<ProviderPart, void, undefined> {
    return providerStream((callSignal) => this.#answer(request, callSignal), signal)
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

  modelFacts(): Omit<ModelInfo, 'id'> {
    return { contextWindow }
  }

  async listModels(): Promise<readonly ModelInfo[]> {
    return [
      { id: 'demo-1', contextWindow },
      { id: 'echo', contextWindow },
    ]
  }

  async #pause(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    if (this.#delayMs > 0) await sleep(this.#clock, this.#delayMs, signal)
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal)
}

function answerOf(request: ProviderRequest): DemoAnswer {
  if (request.model === 'demo-1') return demoAnswer(request)
  if (request.model === 'echo') return echoAnswer(request)
  throw new BeamClawError('provider-bad-request', 'The demo provider has the models demo-1 and echo only', {
    details: { providerCode: 'model_not_found', model: request.model.slice(0, 64) },
  })
}

/** Splits after each run of spaces, so that the joined pieces are the text. */
function words(text: string): readonly string[] {
  return text.match(/\s*\S+\s*|\s+/gu) ?? []
}

/** Estimates one token per four characters of text, tool declarations and calls. */
function tokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken)
}

function estimateInput({ system = '', messages, tools = [] }: ProviderRequest): number {
  let characters = system.length
  for (const { content } of messages) characters += typeof content === 'string' ? content.length : JSON.stringify(content).length
  if (tools.length > 0) characters += JSON.stringify(tools).length
  return tokens(characters)
}
