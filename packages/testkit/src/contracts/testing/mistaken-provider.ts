/** A plain provider that is correct by its default rules; each flaw of an author is another rule in place of one of them. */
import {
  type AssistantMessage,
  BeamClawError,
  type Message,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
} from '@beamclaw/core'
import type { ProviderUnderTest } from '../provider-fixtures.ts'
import { PlainService, plainKey, type ServiceEvent } from './plain-service.ts'

/** The parts that one call has collected. */
export interface CallState {
  readonly pieces: Map<string, string>
  ids: number
  text: string
}

/** How a call ended. */
export type CallEnd = 'finished' | 'failed' | 'aborted' | 'left'

/** Everything about which authors of providers are mistaken. */
export interface ProviderRules {
  /** What is sent for a request. */
  readonly sent: (request: ProviderRequest) => unknown
  readonly newState: () => CallState
  /** The parts that an event of the service becomes. */
  readonly partsOf: (event: ServiceEvent, state: CallState) => readonly ProviderPart[]
  /** True when the answer ends with this event. */
  readonly endsAt: (event: ServiceEvent) => boolean
  readonly errorOf: (event: ServiceEvent) => Error | undefined
  readonly aborted: (signal: AbortSignal) => Error
  readonly checksBefore: boolean
  readonly connectsAtOnce: boolean
  /** Called at the start of doStream. */
  readonly onCall: (request: ProviderRequest) => void
  readonly hears: (what: 'abort' | 'leave', count: number) => boolean
  readonly isFreed: (end: CallEnd) => boolean
  readonly removesListener: boolean
  readonly retries: number
  /** Called once the last part was taken; more parts come then. */
  readonly afterEnd: readonly ProviderPart[]
  /** Waits until the call before is done. */
  readonly waitsForOthers: boolean
  readonly models: () => readonly ModelInfo[]
}

/** A mistake of an author, and the name of the test that catches it. */
export interface ProviderMistake {
  readonly caughtBy: string
  readonly rules: Partial<ProviderRules>
}

const reasons = { stop: 'stop', calls: 'tool-calls', limit: 'length' } as const
const codes = { 401: 'provider-auth', 429: 'provider-rate-limit', 500: 'provider-server' } as const

function partsOf(event: ServiceEvent, state: CallState): readonly ProviderPart[] {
  switch (event.type) {
    case 'text':
      return event.text === '' ? [] : [{ type: 'text-delta', text: event.text }]
    case 'call-piece': {
      const before = state.pieces.get(event.id)
      state.pieces.set(event.id, (before ?? '') + event.piece)
      const delta = { type: 'tool-call-delta', id: event.id, inputText: event.piece } as const
      return before === undefined ? [{ type: 'tool-call-start', id: event.id, name: event.name }, delta] : [delta]
    }
    case 'end': {
      const usage = { inputTokens: event.input, outputTokens: event.output, cacheReadTokens: 0, cacheWriteTokens: 0 }
      const finish = { type: 'finish', reason: reasons[event.reason], usage } as const
      if (event.reason !== 'calls') return [finish]
      const calls = [...state.pieces].map(([id, text]) => ({ type: 'tool-call', id, name: 'add', input: JSON.parse(text) }) as const)
      return [...calls, finish]
    }
    default:
      return []
  }
}

/** Returns what a service that needs nothing back gets of a message. */
function ownOf(message: Message): unknown {
  const { providerMetadata: _, content, ...rest } = message as AssistantMessage
  if (typeof content === 'string') return { ...rest, content }
  const parts = content.filter(({ type }) => type !== 'custom')
  return { ...rest, content: parts.map(({ providerMetadata: _, ...part }) => part) }
}

export const correctProvider: ProviderRules = {
  sent: ({ agent: _, ...rest }) => ({ ...rest, messages: rest.messages.map(ownOf) }),
  newState: () => ({ pieces: new Map(), ids: 0, text: '' }),
  partsOf,
  endsAt: ({ type }) => type === 'end' || type === 'broken' || type === 'refused',
  errorOf: (event) => {
    if (event.type === 'refused')
      return new BeamClawError(codes[event.status], `The service refused: ${event.message.replaceAll(plainKey, '[redacted]')}`)
    return event.type === 'broken' ? new BeamClawError('provider-network', 'The connection broke') : undefined
  },
  aborted: (signal) => new BeamClawError('provider-aborted', 'The call was aborted', { cause: signal.reason }),
  checksBefore: true,
  connectsAtOnce: false,
  onCall: () => {},
  hears: () => true,
  isFreed: () => true,
  removesListener: true,
  retries: 0,
  afterEnd: [],
  waitsForOthers: false,
  models: () => [{ id: 'plain-1', contextWindow: 1_000 }, { id: 'plain-2' }],
}

export class MistakenProvider implements Provider {
  readonly #rules: ProviderRules
  readonly #service = new PlainService()
  #before: Promise<unknown> = Promise.resolve()

  constructor(rules: Partial<ProviderRules> | undefined) {
    this.#rules = { ...correctProvider, ...rules }
  }

  subject(): ProviderUnderTest {
    return {
      provider: this,
      model: 'plain-1',
      secret: plainKey,
      service: 'plain',
      arrange: (behavior) => this.#service.arrange(behavior),
      lastRequest: () => this.#service.requests.at(-1),
      idle: () => this.#service.idle(),
    }
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterableIterator<ProviderPart, void, undefined> {
    this.#rules.onCall(request)
    const leaving = Promise.withResolvers<CallEnd>()
    const connection = this.#rules.connectsAtOnce ? this.#connect(request) : undefined
    const parts = this.#answer(request, signal, leaving.promise, connection)
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => parts.next(),
      return: () => {
        leaving.resolve('left')
        return parts.return()
      },
    }
  }

  async listModels(): Promise<readonly ModelInfo[]> {
    return this.#rules.models()
  }

  #connect(request: ProviderRequest) {
    return this.#service.connect(JSON.stringify(this.#rules.sent(request)))
  }

  async *#answer(
    request: ProviderRequest,
    signal: AbortSignal,
    leaving: Promise<CallEnd>,
    opened: ReturnType<PlainService['connect']> | undefined,
  ): AsyncGenerator<ProviderPart, void, undefined> {
    const { checksBefore, aborted, newState, endsAt, errorOf, hears, isFreed, removesListener, waitsForOthers, afterEnd } = this.#rules
    if (checksBefore && signal.aborted) throw aborted(signal)
    const done = Promise.withResolvers<void>()
    if (waitsForOthers) await this.#before
    this.#before = done.promise
    let connection = opened ?? this.#connect(request)
    const state = newState()
    const aborting = Promise.withResolvers<CallEnd>()
    const onAbort = (): void => aborting.resolve('aborted')
    signal.addEventListener('abort', onAbort)
    let end: CallEnd = 'left'
    try {
      for (let count = 0, retries = 0; ; count++) {
        const gone = [...(hears('abort', count) ? [aborting.promise] : []), ...(hears('leave', count) ? [leaving] : [])]
        const event = await Promise.race([connection.next(), ...gone])
        if (event === 'left') return
        if (typeof event === 'string') {
          end = 'aborted'
          throw aborted(signal)
        }
        const error = errorOf(event)
        if (error !== undefined && retries++ < this.#rules.retries) {
          connection.close()
          connection = this.#connect(request)
          continue
        }
        end = 'failed'
        if (error !== undefined) throw error
        const parts = this.#rules.partsOf(event, state)
        end = endsAt(event) ? 'finished' : 'left'
        yield* parts
        if (end === 'finished') break
      }
      yield* afterEnd
    } finally {
      if (removesListener) signal.removeEventListener('abort', onAbort)
      if (isFreed(end)) connection.close()
      done.resolve()
    }
  }
}
