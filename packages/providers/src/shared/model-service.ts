/** The common part of adapters over HTTP: checked setup, one streamed call, one JSON call, uniform failures. */

import { BeamClawError, type JsonObject, type ProviderPart, type ProviderWarning, SystemClock } from '@beamclaw/core'
import { type ProviderStream, wellFormedJson } from '@beamclaw/core/adapter'
import { platformTransport } from '#platform'
import type { KeySource } from './advice.ts'
import { AnswerParts, type BegunAnswer } from './answer-parts.ts'
import type { AnswerReader } from './answer-reader.ts'
import { BodyParser, webPage } from './body-parser.ts'
import { type ErrorCodeTable, type Failure, protocolError, serviceError } from './failure.ts'
import { type HttpAnswer, type HttpSetup, sendHttp } from './http.ts'
import { type HttpOptions, httpDefaults } from './http-options.ts'
import { tooDeep } from './nesting.ts'
import { unreadError } from './protocols.ts'
import { Redactor, secretsIn } from './redactor.ts'

const maxErrorBytes = 64 * 1024
/** Milliseconds for the body of a failure, whose status says the most: a body that does not end must not keep it. */
const maxErrorMs = 2_000
const maxJsonBytes = 16 * 1024 * 1024

/** Where requests go, and as whom. */
export interface ServiceTarget {
  /** Begins the messages of errors. */
  readonly name: string
  readonly baseUrl: string
  /** Kept out of errors, wherever it comes from. */
  readonly apiKey: string | undefined
  /** The environment variable that the key is read from. */
  readonly keyVariable?: string
  readonly headers: Readonly<Record<string, string>>
}

/** The description of a service by its adapter. */
export interface ModelServiceSetup extends ServiceTarget {
  readonly errorCodes: ErrorCodeTable
  /** Returns the failure in the JSON of an error response. */
  readonly readError: (value: unknown) => Failure
  readonly options: HttpOptions
}

/** One streamed call. */
export interface StreamedCall {
  readonly path: string
  readonly body: JsonObject
  readonly reader: AnswerReader
  /** What was left out of the request, told before the answer. */
  readonly warnings?: readonly ProviderWarning[]
  /** Headers of this call alone. */
  readonly headers?: Readonly<Record<string, string>>
  /** Returns a more precise error for a failure that the service reported. */
  readonly onFailure?: (error: BeamClawError) => BeamClawError
}

/** One model service, reached over HTTP. Stateless. */
export class ModelService {
  readonly #setup: HttpSetup
  readonly #maxEventBytes: number
  readonly #readError: (value: unknown) => Failure
  readonly #extraBody: JsonObject | undefined

  constructor({ name, baseUrl, apiKey, keyVariable, headers, errorCodes, readError, options }: ModelServiceSetup) {
    const clock = options.clock ?? new SystemClock()
    const { transport, proxy } = platformTransport(name, new URL(baseUrl), options)
    const secrets = [
      ...(proxy?.secrets ?? []),
      apiKey ?? '',
      ...Object.values(options.headers ?? {}),
      headers.authorization ?? '',
      ...secretsIn(options.extraBody),
    ]
    this.#maxEventBytes = options.maxEventBytes ?? httpDefaults.maxEventBytes
    this.#readError = readError
    this.#extraBody = options.extraBody
    this.#setup = {
      ...partsOf(baseUrl),
      headers,
      transport,
      clock,
      limits: {
        connectTimeoutMs: options.connectTimeoutMs ?? httpDefaults.connectTimeoutMs,
        firstByteTimeoutMs: options.firstByteTimeoutMs ?? httpDefaults.firstByteTimeoutMs,
        idleTimeoutMs: options.idleTimeoutMs ?? httpDefaults.idleTimeoutMs,
        totalTimeoutMs: options.totalTimeoutMs ?? httpDefaults.totalTimeoutMs,
        maxResponseBytes: options.maxResponseBytes ?? httpDefaults.maxResponseBytes,
      },
      failures: {
        name,
        table: errorCodes,
        redactor: new Redactor(secrets),
        now: () => clock.now(),
        key: { from: keyFrom(apiKey, headers, options), variable: keyVariable },
        ...(proxy === undefined ? {} : { proxyVariable: proxy.variable }),
        isHttps: new URL(baseUrl).protocol === 'https:',
      },
    }
  }

  /** The context of this service's failures. */
  get failures() {
    return this.#setup.failures
  }

  /** Posts a call; returns the parts of its answer, one by one. Releases the connection when it ends, also with an error. */
  stream({ path, body, reader, warnings = [], headers, onFailure }: StreamedCall, signal: AbortSignal): ProviderStream {
    const extraBody = this.#extraBody
    const begin = async (): Promise<BegunAnswer> => {
      const answer = await sendHttp(this.#setup, path, jsonOf(extraBody === undefined ? body : { ...body, ...extraBody }), signal, headers)
      try {
        if (answer.status === 200) return this.#begun(answer, path)
        const error = await this.#failureOf(answer, path)
        throw onFailure?.(error) ?? error
      } catch (error) {
        answer.end()
        throw error
      }
    }
    return new AnswerParts(
      reader,
      begin,
      warnings.map((warning): ProviderPart => ({ type: 'warning', ...warning })),
    )
  }

  /** Resolves with the JSON of a GET request. */
  getJson(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#askJson(path, undefined, signal)
  }

  /** Resolves with the JSON that answers a POST request. `headers` are those of this call alone. */
  postJson(path: string, body: JsonObject, signal: AbortSignal, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.#askJson(path, wellFormedJson(body), signal, headers)
  }

  async #askJson(path: string, body: string | undefined, signal: AbortSignal, headers = {}): Promise<unknown> {
    const answer = await sendHttp(this.#setup, path, body, signal, headers)
    try {
      if (answer.status !== 200) throw await this.#failureOf(answer, path)
      return await this.#json(answer)
    } finally {
      answer.end()
    }
  }

  #begun(answer: HttpAnswer, path: string): BegunAnswer {
    const { name, redactor } = this.failures
    if (answer.contentType === 'text/html') throw webPage(name)
    const parser = new BodyParser(name, { maxEventBytes: this.#maxEventBytes, maxJsonBytes })
    return {
      answer,
      in: (chunk) => parser.feed(chunk),
      atEnd: () => parser.end(),
      unread: (error, first) => {
        const contentType = redactor.clean(answer.contentType, 64)
        return unreadError(name, error, { path, first, receivedBytes: answer.receivedBytes, contentType })
      },
    }
  }

  async #json(answer: HttpAnswer): Promise<unknown> {
    if (answer.contentType === 'text/html') throw webPage(this.failures.name)
    const text = await answer.text(maxJsonBytes)
    try {
      return JSON.parse(text)
    } catch {
      throw protocolError(this.failures.name, 'the answer is not JSON. Check "baseUrl"', {
        contentType: this.failures.redactor.clean(answer.contentType, 64),
      })
    }
  }

  async #failureOf(answer: HttpAnswer, path: string): Promise<BeamClawError> {
    const { status, headers } = answer
    if (status > 200 && status < 300) return protocolError(this.failures.name, `answered ${status}`, { status })
    let failure: Failure = {}
    try {
      failure = this.#readError(JSON.parse(await answer.text(maxErrorBytes, maxErrorMs)))
    } catch (error) {
      // A body that is no JSON or is truncated adds nothing to the status; an abort still ends the call.
      if (BeamClawError.isInstance(error, 'provider-aborted')) throw error
    }
    return serviceError(this.failures, { ...failure, status, headers, path })
  }
}

function jsonOf(body: JsonObject): string | undefined {
  try {
    return wellFormedJson(body)
  } catch {
    // The error of the platform quotes names of fields.
    throw tooDeep('The request cannot be written as JSON: something in it')
  }
}

const credentialHeaders: readonly string[] = ['authorization', 'x-api-key', 'api-key']

function keyFrom(apiKey: string | undefined, headers: ModelServiceSetup['headers'], options: HttpOptions): KeySource['from'] {
  if (apiKey !== undefined) return options.apiKey === undefined ? 'environment' : 'option'
  return credentialHeaders.some((name) => headers[name] !== undefined) ? 'headers' : 'nowhere'
}

/** Returns an address whose paths come before its query. */
function partsOf(url: string): Pick<HttpSetup, 'baseUrl' | 'query'> {
  const { origin, pathname, search } = new URL(url)
  return { baseUrl: `${origin}${pathname.replace(/\/+$/, '')}`, query: search.slice(1) }
}
