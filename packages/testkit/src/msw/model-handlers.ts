/** Request handlers for msw that speak OpenAI's and Anthropic's protocols and answer from a script, in Node and in a browser. */
import type { ReceivedRequest } from '../model-server/answer.ts'
import { ModelScript, type ModelServerOptions, parseBody } from '../model-server/model-script.ts'
import type { ScriptedModelAnswer } from '../model-server/scripted-answer.ts'
import { protocolOf, wires } from '../model-server/wires.ts'
import { WebReply } from './web-reply.ts'

/** Options of the msw handlers: the script, and the address. */
export interface ModelHandlersOptions extends ModelServerOptions {
  /** Base URL of the models, including the version path. @default any address whose path ends with `/v1` */
  readonly baseUrl?: string
}

/** The `http` of msw, as far as it is used; handed in, so that its types and its version are the caller's. */
export interface HandlerFactory<THandler> {
  get(path: string, resolver: (info: { readonly request: Request }) => Promise<Response>): THandler
  post(path: string, resolver: (info: { readonly request: Request }) => Promise<Response>): THandler
}

/**
 * Returns handlers for both model protocols, made by msw's `http`. Throws `invalid-option` for an answer that is none.
 *
 * @example
 * const model = modelHandlers(http, { answers: [toolAnswer('weather', { city: 'Bern' }), 'It rains.'] })
 * setupServer(...model.handlers).listen()
 */
export function modelHandlers<THandler>(http: HandlerFactory<THandler>, options: ModelHandlersOptions = {}): ModelHandlers<THandler> {
  return new ModelHandlers(http, options)
}

/** Handlers that share one script: hand `handlers` to `setupServer` or `setupWorker`, and look at `requests` afterwards. */
export class ModelHandlers<THandler> {
  /** For chat completions, messages and the list of models. */
  readonly handlers: readonly THandler[]
  readonly #script: ModelScript

  constructor(http: HandlerFactory<THandler>, { baseUrl = '*/v1', ...options }: ModelHandlersOptions = {}) {
    this.#script = new ModelScript(options)
    const base = baseUrl.replace(/\/+$/, '')
    const reply = (path: string) => (info: { readonly request: Request }) => this.#reply(path, info.request)
    this.handlers = [
      ...Object.values(wires).map(({ path }) => http.post(`${base}${path.slice('/v1'.length)}`, reply(path))),
      http.get(`${base}/models`, reply('/v1/models')),
    ]
  }

  /** Every request so far, in order of arrival. */
  get requests(): readonly ReceivedRequest[] {
    return this.#script.requests
  }

  /** Adds answers to the end of the queue. Throws `invalid-option` for one that is none. */
  enqueue(...answers: readonly ScriptedModelAnswer[]): void {
    this.#script.enqueue(...answers)
  }

  async #reply(path: string, request: Request): Promise<Response> {
    const reply = new WebReply(request.signal)
    const received: ReceivedRequest = {
      method: request.method,
      path,
      query: new URL(request.url).searchParams,
      headers: Object.fromEntries(request.headers),
      body: parseBody(await request.text()),
      protocol: protocolOf(path, request.headers.has('anthropic-version')),
    }
    this.#script.reply(received, reply).catch((error: unknown) => reply.fail(error))
    return reply.response
  }
}
