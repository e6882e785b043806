/** One HTTP call to a model service: bounded in time and size, its connection released on abort. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import { type DeadlineLimits, Deadlines } from './deadlines.ts'
import { type FailureContext, networkError, protocolError } from './failure.ts'
import type { HeaderReader } from './retry-after.ts'
import type { IncomingAnswer, Transport } from './transport.ts'

/** The settings of all calls of one provider. */
export interface HttpSetup {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly transport: Transport
  readonly clock: Clock
  readonly limits: DeadlineLimits & { readonly maxResponseBytes: number }
  readonly failures: FailureContext
}

// The wait for usage and end of stream after the finish reason: both are optional.
const endingMs = 5000
const drainMs = 100
const drainBytes = 64 * 1024

/** Sends one request; resolves when the response's headers have arrived, with any status except redirects, which are refused (`provider-protocol`). */
export async function sendHttp(setup: HttpSetup, path: string, body: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
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
    const headers = body === undefined ? setup.headers : { ...setup.headers, 'content-type': 'application/json' }
    const whenOver = (free: () => void): void => deadlines.whenOver(free)
    const sending = setup.transport.send({ url: setup.baseUrl + path, headers, body }, { onConnected, whenOver })
    const answer = await deadlines.race(sending)
    onConnected()
    if (answer.status >= 300 && answer.status < 400) {
      throw new BeamClawError('provider-protocol', `${setup.failures.name} answered with a redirect, which is refused; correct baseUrl`, {
        isRetryable: false,
        details: { status: answer.status },
      })
    }
    return new HttpAnswer(answer, deadlines, setup)
  } catch (error) {
    deadlines.end()
    if (BeamClawError.isInstance(error)) throw error
    throw deadlines.failure ?? networkError(setup.failures, error, phase)
  }
}

/** A response under deadlines. The caller must call `end` when it stops reading. */
export class HttpAnswer {
  readonly status: number
  readonly headers: HeaderReader
  readonly #deadlines: Deadlines
  readonly #setup: HttpSetup
  readonly #answer: IncomingAnswer
  #received = 0
  // To its end.
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

  /** Resolves with the body as text, at most `maxBytes` of it. */
  async text(maxBytes: number): Promise<string> {
    const decoder = new TextDecoder()
    let text = ''
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      text += decoder.decode(chunk, { stream: true })
      if (this.#received > maxBytes) break
    }
    return text.slice(0, maxBytes)
  }

  /** Waits briefly for the end of a complete answer, so that its connection can be reused. */
  async drain(): Promise<void> {
    const timer = this.#setup.clock.setTimer(() => this.end(), drainMs, true)
    const limit = this.#received + drainBytes
    try {
      while (this.#received < limit && !this.#deadlines.isOver) if ((await this.read()) === undefined) return
    } catch {
      // The answer was complete before, so an error of the connection does not matter.
    } finally {
      timer.cancel()
      this.end()
    }
  }

  /** Limits the wait for the optional rest of the answer. */
  expectEnding(): void {
    this.#deadlines.endWithin(endingMs)
  }

  /** Releases the connection. */
  end(): void {
    if (this.#isRead) this.#deadlines.complete()
    else this.#deadlines.end()
  }

  /** Resolves with the next chunk of the body; undefined at its end. Not an async function: an answer has a chunk for each word. */
  read(): Promise<Uint8Array | undefined> {
    if (this.#received > 0) this.#deadlines.enter('idle')
    return this.#deadlines.race(this.#answer.read(), this.#take, this.#errorOf)
  }

  readonly #take = (piece: Uint8Array | undefined): Uint8Array | undefined => {
    if (piece === undefined) {
      this.#isRead = true
      return undefined
    }
    if (piece.byteLength > 0) this.#deadlines.pause()
    this.#received += piece.byteLength
    const { maxResponseBytes } = this.#setup.limits
    if (this.#received <= maxResponseBytes) return piece
    const error = protocolError(this.#setup.failures.name, `the answer is larger than ${maxResponseBytes} bytes`, {
      limit: 'maxResponseBytes',
      maxBytes: maxResponseBytes,
    })
    this.#deadlines.fail(error)
    throw error
  }

  readonly #errorOf = (error: unknown): unknown => {
    const failure = this.#deadlines.failure ?? networkError(this.#setup.failures, error, 'body')
    this.#deadlines.end()
    return failure
  }
}
