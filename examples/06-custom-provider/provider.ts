/** A provider for a model of your own. It does everything that a provider must do; the engine stands for your model. */
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'

/** The output of your model, piece by piece. */
export type EngineEvent =
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'call'; readonly id: string; readonly name: string; readonly input: Record<string, string | number> }
  | { readonly type: 'done'; readonly tokensIn: number; readonly tokensOut: number }

/** Your model. It ends promptly when the signal is aborted, and throws `EngineError` for its own failures. */
export type Engine = (request: ProviderRequest, signal: AbortSignal) => AsyncIterable<EngineEvent>

export class EngineError extends Error {
  readonly reason: 'auth' | 'rate-limit' | 'server'

  constructor(reason: EngineError['reason']) {
    super(`The engine refused: ${reason}`)
    this.reason = reason
  }
}

export class EngineProvider implements Provider {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterableIterator<ProviderPart, void, undefined> {
    const leaving = new AbortController()
    const parts = this.#answer(request, AbortSignal.any([signal, leaving.signal]))
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => parts.next(),
      // Leaving the loop must end a pending wait for the engine; a generator alone would wait first.
      return: () => {
        leaving.abort()
        return parts.return()
      },
    }
  }

  async *#answer(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderPart, void, undefined> {
    let hasCalled = false
    try {
      signal.throwIfAborted()
      for await (const event of this.#engine(request, signal)) {
        signal.throwIfAborted()
        if (event.type === 'say') yield { type: 'text-delta', text: event.text }
        else if (event.type === 'call') {
          hasCalled = true
          yield { type: 'tool-call', id: event.id, name: event.name, input: event.input }
        } else {
          const usage = { inputTokens: event.tokensIn, outputTokens: event.tokensOut, cacheReadTokens: 0, cacheWriteTokens: 0 }
          yield { type: 'finish', reason: hasCalled ? 'tool-calls' : 'stop', usage }
          return
        }
      }
    } catch (error) {
      throw failureFor(error, signal)
    }
    throw new BeamClawError('provider-protocol', 'The engine stopped in the middle of its answer')
  }
}

/** Maps failures to codes, which decide whether the run tries again, and whether a fallback model is used. */
function failureFor(error: unknown, signal: AbortSignal): BeamClawError {
  if (signal.aborted) return new BeamClawError('provider-aborted', 'The call was aborted', { cause: error })
  if (error instanceof EngineError) return new BeamClawError(`provider-${error.reason}`, error.message, { cause: error })
  return new BeamClawError('provider-network', 'The engine was lost', { cause: error })
}
