/** A model with scripted answers, for tests of code that sends requests to a model. */
import { BeamClawError } from '../base/errors.ts'
import { type JsonValue, type Usage, zeroUsage } from '../base/messages.ts'
import type { ModelInfo, Provider, ProviderPart, ProviderRequest } from '../ports/provider.ts'
import { abortedError, throwIfAborted } from '../provider/provider-error.ts'
import { type ProviderStream, providerStream } from '../provider/provider-stream.ts'

/** Generates the parts of one answer. */
export type ScriptedFunction = (request: ProviderRequest, options: { readonly signal: AbortSignal }) => AsyncIterable<ProviderPart>

/**
 * One answer. A string is a text and its `finish`. Otherwise the parts are sent exactly as given, then `error` is thrown, or with `hang` the stream
 * waits until the call is aborted or left; without either the stream ends.
 */
export type ScriptedAnswer =
  | string
  | readonly ProviderPart[]
  | { readonly parts?: readonly ProviderPart[]; readonly error?: unknown; readonly hang?: boolean }
  | ScriptedFunction

/** Returns an answer; `index` counts calls from 0. The call throws what the function throws. */
export type AnswerFunction = (request: ProviderRequest, index: number) => ScriptedAnswer | Promise<ScriptedAnswer>

/** The script of a `ScriptedProvider`. */
export interface ScriptedProviderOptions {
  /** A queue of answers, or a function that returns each. @default [] */
  readonly answers?: readonly ScriptedAnswer[] | AnswerFunction
  /** The answer once the queue is empty. @default the error `provider-bad-request` */
  readonly otherwise?: ScriptedAnswer
  /** The result of `listModels`. @default [] */
  readonly models?: readonly ModelInfo[]
}

/** One recorded call. `left`: its consumer stopped reading before the end. */
export interface ScriptedCall {
  readonly request: ProviderRequest
  readonly status: 'running' | 'finished' | 'failed' | 'aborted' | 'left'
}

/**
 * Returns the parts of a complete answer: a text, then `finish` with the tokens. What `usage` leaves out is 0.
 *
 * @example
 * new ScriptedProvider({ answers: [textAnswer('Hello.', { inputTokens: 100, outputTokens: 5 })] })
 */
export function textAnswer(text: string, usage: Partial<Usage> = {}): readonly ProviderPart[] {
  return [
    { type: 'text-delta', text },
    { type: 'finish', reason: 'stop', usage: { ...zeroUsage, ...usage } },
  ]
}

/**
 * Returns the answer of a model that calls one tool.
 *
 * @example
 * new ScriptedProvider({ answers: [toolAnswer('weather', { city: 'Bern' }), 'It rains.'] })
 */
export function toolAnswer(
  name: string,
  input: JsonValue = {},
  options: ToolAnswerOptions = {},
): { readonly parts: readonly ProviderPart[] } {
  const { id = `call_${name}`, usage = {} } = options
  return {
    parts: [
      { type: 'tool-call', id, name, input },
      { type: 'finish', reason: 'tool-calls', usage: { ...zeroUsage, ...usage } },
    ],
  }
}

/** Options of `toolAnswer`. */
export interface ToolAnswerOptions {
  /** Id of the call. @default `call_<name>` */
  readonly id?: string
  /** Tokens of the answer. @default 0 each */
  readonly usage?: Partial<Usage>
}

/** Sends its answers in order, records every request, and ends promptly when a call is aborted or left. */
export class ScriptedProvider implements Provider {
  readonly #queue: ScriptedAnswer[]
  readonly #decide: AnswerFunction | undefined
  readonly #otherwise: ScriptedAnswer | undefined
  readonly #models: readonly ModelInfo[]
  readonly #calls: { readonly request: ProviderRequest; status: ScriptedCall['status'] }[] = []

  constructor(options: ScriptedProviderOptions = {}) {
    const { answers = [] } = options
    this.#queue = typeof answers === 'function' ? [] : [...answers]
    this.#decide = typeof answers === 'function' ? answers : undefined
    this.#otherwise = options.otherwise
    this.#models = options.models ?? []
  }

  /** Every call so far, oldest first. A call is recorded when its first part is read. */
  get calls(): readonly ScriptedCall[] {
    return this.#calls
  }

  /** Every request so far, oldest first. */
  get requests(): readonly ProviderRequest[] {
    return this.#calls.map(({ request }) => request)
  }

  /** Calls that have not ended. */
  get running(): number {
    return this.#calls.filter(({ status }) => status === 'running').length
  }

  /** The number of answers left in the queue. */
  get remaining(): number {
    return this.#queue.length
  }

  /** Adds answers to the end of the queue. */
  add(...answers: readonly ScriptedAnswer[]): this {
    this.#queue.push(...answers)
    return this
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): ProviderStream {
    return providerStream((callSignal) => this.#answer(request, callSignal, signal), signal)
  }

  async listModels(): Promise<readonly ModelInfo[]> {
    return this.#models
  }

  async *#answer(request: ProviderRequest, signal: AbortSignal, callerSignal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
    const call: { readonly request: ProviderRequest; status: ScriptedCall['status'] } = { request, status: 'running' }
    const index = this.#calls.push(call) - 1
    try {
      for await (const part of this.#play(request, signal, index)) {
        throwIfAborted(signal)
        if (part.type === 'finish') call.status = 'finished'
        yield part
      }
      call.status = 'finished'
    } catch (error) {
      call.status = callerSignal.aborted ? 'aborted' : signal.aborted ? 'left' : 'failed'
      throw error
    } finally {
      if (call.status === 'running') call.status = 'left'
    }
  }

  async *#play(request: ProviderRequest, signal: AbortSignal, index: number): AsyncGenerator<ProviderPart, void, undefined> {
    throwIfAborted(signal)
    const answer = this.#queue.shift() ?? (await this.#decide?.(request, index)) ?? this.#otherwise
    if (answer === undefined) throw new BeamClawError('provider-bad-request', 'The script has no answer left')
    if (typeof answer === 'function') {
      yield* answer(request, { signal })
      return
    }
    if (typeof answer === 'string') {
      yield* textAnswer(answer)
      return
    }
    if (isParts(answer)) {
      yield* answer
      return
    }
    yield* answer.parts ?? []
    throwIfAborted(signal)
    if (answer.error !== undefined) throw answer.error
    if (answer.hang === true) await abortOf(signal)
  }
}

function isParts(answer: ScriptedAnswer): answer is readonly ProviderPart[] {
  return Array.isArray(answer)
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(abortedError(signal)), { once: true }))
}

/** The outcome of one call: its parts, their text, and the error. */
export interface CollectedAnswer {
  readonly parts: readonly ProviderPart[]
  readonly text: string
  readonly error: BeamClawError | undefined
}

/** A minimal request. */
export const textRequest: ProviderRequest = { model: 'small', messages: [{ role: 'user', content: 'Hello' }] }

/** Sends a request and collects the complete answer. */
export async function collectAnswer(
  provider: Provider,
  request: Partial<ProviderRequest> = {},
  signal?: AbortSignal,
): Promise<CollectedAnswer> {
  const parts: ProviderPart[] = []
  let error: BeamClawError | undefined
  try {
    const options = { signal: signal ?? new AbortController().signal }
    for await (const part of provider.doStream({ ...textRequest, ...request }, options)) parts.push(part)
  } catch (thrown) {
    if (!BeamClawError.isInstance(thrown)) throw thrown
    error = thrown
  }
  const text = parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')
  return { parts, text, error }
}
