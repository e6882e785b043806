/** One HTTP call to a model service, by ky: never retried, never redirected, bounded in time and size, freed on abort. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import ky from 'ky'
import { type DeadlineLimits, Deadlines } from './deadlines.ts'
import { type FailureContext, networkError, protocolError } from './failure.ts'
import type { FetchFunction } from './http-options.ts'
import type { HeaderReader } from './retry-after.ts'

/** What every call of one provider has in common. */
export interface HttpSetup {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: FetchFunction | undefined
  readonly clock: Clock
  readonly limits: DeadlineLimits & { readonly maxResponseBytes: number }
  readonly failures: FailureContext
}

// A server that has told its finish reason, and then neither usage nor end, is not worth a longer wait.
const endingMs = 5000
const drainMs = 100
const drainBytes = 64 * 1024

/** Sends one request; answers as soon as the response's headers are here, whatever its status, except for redirects, which are refused. */
export async function sendHttp(setup: HttpSetup, path: string, body: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
  const deadlines = new Deadlines(setup.failures.name, setup.clock, setup.limits, signal)
  let phase: 'connect' | 'headers' = 'connect'
  const enterHeaders = () => {
    phase = 'headers'
    deadlines.enter('first-byte')
  }
  try {
    const sending = startRequest(setup, path, body, deadlines, enterHeaders)
    const response = await deadlines.race(sending)
    if (phase === 'connect') enterHeaders()
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      throw new BeamClawError('provider-protocol', `${setup.failures.name} answered with a redirect, which is refused; correct baseUrl`, {
        isRetryable: false,
        details: { status: response.status },
      })
    }
    return new HttpAnswer(response, deadlines, setup)
  } catch (error) {
    deadlines.end()
    if (BeamClawError.isInstance(error)) throw error
    throw deadlines.failure ?? networkError(setup.failures, error, phase)
  }
}

function startRequest(
  setup: HttpSetup,
  path: string,
  body: string | undefined,
  deadlines: Deadlines,
  onConnected: () => void,
): Promise<Response> {
  if (deadlines.failure !== undefined) return Promise.reject(deadlines.failure)
  const bytes = body === undefined ? undefined : new TextEncoder().encode(body)
  // Only the platform's fetch reads a request body as it is sent; there the connection can be watched through the body.
  const isWatched = setup.fetch === undefined && bytes !== undefined
  if (isWatched) deadlines.enter('connect')
  else onConnected()
  const send: FetchFunction = setup.fetch ?? ((url, init) => fetch(url, init))
  return ky(setup.baseUrl + path, {
    method: body === undefined ? 'get' : 'post',
    retry: 0,
    timeout: false,
    throwHttpErrors: false,
    // ky's own Request would buffer the body stream and hide when it is read; so the request is made here, from its URL.
    fetch: () =>
      send(setup.baseUrl + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...setup.headers,
          ...(bytes === undefined ? {} : { 'content-type': 'application/json' }),
          ...(isWatched ? { 'content-length': String(bytes.byteLength) } : {}),
        },
        redirect: 'manual',
        signal: deadlines.signal,
        ...(isWatched ? { body: watchedBody(bytes, onConnected), duplex: 'half' } : body === undefined ? {} : { body }),
      } as RequestInit),
  })
}

/**
 * A request body that tells when it is taken. `fetch` reads one chunk ahead before it has a connection, so the first chunk is empty and
 * the second, which holds everything, is asked for when the request is on its way. Seen with Node 20, 22, 24 and 26.
 */
function watchedBody(bytes: Uint8Array<ArrayBuffer>, onTaken: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isFirst = true
  return new ReadableStream(
    {
      pull(controller) {
        if (isFirst) {
          isFirst = false
          controller.enqueue(new Uint8Array(0))
          return
        }
        onTaken()
        controller.enqueue(bytes)
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

/** A response under deadlines. `end` must be called when nothing more is wanted of it. */
export class HttpAnswer {
  readonly status: number
  readonly headers: HeaderReader
  readonly #deadlines: Deadlines
  readonly #setup: HttpSetup
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #received = 0
  // To its end.
  #isRead = false

  constructor(response: Response, deadlines: Deadlines, setup: HttpSetup) {
    this.status = response.status
    this.headers = response.headers
    this.#deadlines = deadlines
    this.#setup = setup
    this.#reader = response.body?.getReader()
  }

  get contentType(): string {
    return (this.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  }

  /** The body as text, at most `maxBytes` of it. */
  async text(maxBytes: number): Promise<string> {
    const decoder = new TextDecoder()
    let text = ''
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      text += decoder.decode(chunk, { stream: true })
      if (this.#received > maxBytes) break
    }
    return text.slice(0, maxBytes)
  }

  /** Waits a moment for the end of an answer that is complete, so that its connection can be used again. */
  async drain(): Promise<void> {
    const timer = this.#setup.clock.setTimer(() => this.end(), drainMs, true)
    const limit = this.#received + drainBytes
    try {
      while (this.#received < limit && !this.#deadlines.signal.aborted) if ((await this.read()) === undefined) return
    } catch {
      // The answer was complete before; how its connection ends is of no interest.
    } finally {
      timer.cancel()
      this.end()
    }
  }

  /** Waits no longer than a moment for what is still to come. */
  expectEnding(): void {
    this.#deadlines.endWithin(endingMs)
  }

  /** Frees the connection. */
  end(): void {
    if (this.#isRead) this.#deadlines.complete()
    else this.#deadlines.end()
  }

  /** The body's next piece, as it arrives; undefined at its end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined
    if (this.#received > 0) this.#deadlines.enter('idle')
    const result = await this.#readOnce(this.#reader)
    if (result.done) {
      this.#isRead = true
      return undefined
    }
    if (result.value.byteLength > 0) this.#deadlines.pause()
    this.#received += result.value.byteLength
    const { maxResponseBytes } = this.#setup.limits
    if (this.#received <= maxResponseBytes) return result.value
    const error = protocolError(this.#setup.failures.name, `the answer is larger than ${maxResponseBytes} bytes`, {
      limit: 'maxResponseBytes',
      maxBytes: maxResponseBytes,
    })
    this.#deadlines.fail(error)
    throw error
  }

  async #readOnce(reader: ReadableStreamDefaultReader<Uint8Array>) {
    try {
      return await this.#deadlines.race(reader.read())
    } catch (error) {
      const { failure } = this.#deadlines
      const thrown = failure ?? networkError(this.#setup.failures, error, 'body')
      this.#deadlines.end()
      throw thrown
    }
  }
}
