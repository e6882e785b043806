/** One HTTP call to a model service: bounded in time and size, its connection released on abort. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import { type DeadlineLimits, Deadlines } from './deadlines.ts'
import { type FailureContext, networkError, protocolError } from './failure.ts'
import type { HeaderReader } from './retry-after.ts'
import type { AnswerSink, IncomingAnswer, Transport } from './transport.ts'

/** The settings of all calls of one provider. */
export interface HttpSetup {
  /** Without the query, and without a slash at its end. */
  readonly baseUrl: string
  /** Comes after every path, without its question mark. */
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly transport: Transport
  readonly clock: Clock
  readonly limits: DeadlineLimits & { readonly maxResponseBytes: number }
  readonly failures: FailureContext
}

// The wait for usage and end of stream after the finish reason: both are optional.
const endingMs = 5000
// A busy process may hear of the end late, and to let go of a connection in its middle costs more than to hold it a little longer.
const drainMs = 1_000
const drainBytes = 64 * 1024

/** Sends one request; resolves when the response's headers have arrived, with any status except redirects, which are refused (`provider-protocol`). */
export async function sendHttp(
  setup: HttpSetup,
  path: string,
  body: string | undefined,
  signal: AbortSignal,
  more: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  const deadlines = new Deadlines(setup.failures.name, setup.clock, setup.limits, signal)
  let phase: 'connect' | 'headers' = 'connect'
  const onConnected = (): void => {
    if (phase === 'headers') return
    phase = 'headers'
    deadlines.enter('first-byte')
  }
  try {
    if (deadlines.failure !== undefined) throw deadlines.failure
    deadlines.enter('connect')
    const headers = body === undefined ? setup.headers : { ...setup.headers, ...more, 'content-type': 'application/json' }
    const whenOver = (free: () => void): void => deadlines.whenOver(free)
    const sending = setup.transport.send({ url: urlOf(setup, path), headers, body }, { onConnected, whenOver })
    const answer = await deadlines.race(sending)
    onConnected()
    if (answer.status >= 300 && answer.status < 400) {
      const target = originOf(answer.headers.get('location'))
      const where = target === undefined ? '' : ` to ${target}`
      throw new BeamClawError(
        'provider-protocol',
        `${setup.failures.name} answered with a redirect${where}, which is refused. Correct "baseUrl"`,
        {
          isRetryable: false,
          details: { status: answer.status },
        },
      )
    }
    return new HttpAnswer(answer, deadlines, setup)
  } catch (error) {
    deadlines.end()
    if (BeamClawError.isInstance(error)) throw error
    throw deadlines.failure ?? networkError(setup.failures, error, phase)
  }
}

/** Of the address that a redirect names, only this part holds no secret. */
function originOf(location: string | null): string | undefined {
  const url = URL.parse(location ?? '')
  return url === null || !/^https?:$/.test(url.protocol) ? undefined : url.origin
}

function urlOf({ baseUrl, query }: HttpSetup, path: string): string {
  return `${baseUrl}${path}${query === '' ? '' : `${path.includes('?') ? '&' : '?'}${query}`}`
}

/**
 * A response under deadlines. The caller must call `end` when it stops reading.
 *
 * Phases: `open → draining → over`. Owns the deadlines, and through them the connection, until it is over.
 */
export class HttpAnswer {
  readonly status: number
  readonly headers: HeaderReader
  readonly #deadlines: Deadlines
  readonly #setup: HttpSetup
  readonly #answer: IncomingAnswer
  #phase: 'open' | 'draining' | 'over' = 'open'
  #received = 0
  #drainTo = 0
  #isRead = false

  constructor(answer: IncomingAnswer, deadlines: Deadlines, setup: HttpSetup) {
    this.status = answer.status
    this.headers = answer.headers
    this.#deadlines = deadlines
    this.#setup = setup
    this.#answer = answer
  }

  get contentType(): string {
    return (this.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  }

  /** Bytes of the body so far. */
  get receivedBytes(): number {
    return this.#received
  }

  /** Resolves with the body as text, at most `maxBytes` of it, or what has come of it `withinMs` from now. */
  text(maxBytes: number, withinMs?: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const decoder = new TextDecoder()
      let text = ''
      const timer = withinMs === undefined ? undefined : this.#setup.clock.setTimer(() => onEnd(), withinMs, true)
      const onEnd = (): void => {
        timer?.cancel()
        resolve(text.slice(0, maxBytes))
      }
      const onPiece = (piece: Uint8Array): void => {
        text += decoder.decode(piece, { stream: true })
        if (this.#received > maxBytes) onEnd()
        else this.expectMore()
      }
      const onError = (error: unknown): void => {
        timer?.cancel()
        reject(error)
      }
      this.receive({ onPiece, onEnd, onError })
    })
  }

  /** Passes on the body, each piece as it arrives. Errors are those of the call. */
  receive({ onPiece, onEnd, onError }: AnswerSink): void {
    const fail = (error: unknown): void => {
      if (this.#phase !== 'open') return this.end()
      this.end()
      onError(error)
    }
    this.#deadlines.interrupts(fail)
    this.#answer.receive({
      onPiece: (piece) => {
        if (this.#phase === 'over') return
        this.#received += piece.byteLength
        if (this.#phase === 'draining') return this.#received < this.#drainTo ? this.#answer.more() : this.end()
        if (piece.byteLength > 0) this.#deadlines.pause()
        if (this.#received > this.#setup.limits.maxResponseBytes) this.#deadlines.fail(this.#tooLarge())
        else onPiece(piece)
      },
      onEnd: () => {
        this.#isRead = true
        if (this.#phase === 'open') onEnd()
        else this.end()
      },
      onError: (error) => fail(this.#deadlines.failure ?? networkError(this.#setup.failures, error, 'body')),
    })
  }

  /** Tells that the reader waits: from now on the service is responsible for a delay. */
  expectMore(): void {
    if (this.#phase !== 'open') return
    if (this.#received > 0) this.#deadlines.enter('idle')
    this.#answer.more()
  }

  /** Asks the service to wait for the reader. */
  pause(): void {
    if (this.#phase === 'open') this.#answer.pause()
  }

  /** Waits briefly for the end of a complete answer, so that its connection can be reused. */
  drain(): void {
    if (this.#isRead) return this.end()
    if (this.#phase !== 'open') return
    this.#phase = 'draining'
    this.#drainTo = this.#received + drainBytes
    this.#deadlines.endWithin(drainMs)
    this.#answer.more()
  }

  /** Limits the wait for the optional rest of the answer. */
  expectEnding(): void {
    this.#deadlines.endWithin(endingMs)
  }

  /** Releases the connection. */
  end(): void {
    this.#phase = 'over'
    if (this.#isRead) this.#deadlines.complete()
    else this.#deadlines.end()
  }

  #tooLarge(): BeamClawError {
    const { limits, failures } = this.#setup
    const details = { limit: 'maxResponseBytes', maxBytes: limits.maxResponseBytes }
    return protocolError(failures.name, `the answer is larger than ${limits.maxResponseBytes} bytes`, details)
  }
}
