/** The script of a model: its answer to each request, over HTTP or msw. */
import type { ReceivedRequest } from './answer.ts'
import { deliver, type ReplyTarget } from './deliver.ts'
import { checkDialect, type DialectName, refusalOf } from './dialects/index.ts'
import { type AnswerFunction, checkScripted, modelAnswerOf, type ScriptedModelAnswer } from './scripted-answer.ts'
import { type ListedModel, wires } from './wires.ts'

/** The script of a model server. */
export interface ModelServerOptions {
  /** The answers in order, or a function that returns each. An empty queue leads to status 500. @default [] */
  readonly answers?: readonly ScriptedModelAnswer[] | AnswerFunction
  /** Requests without this key, as `authorization: Bearer`, `x-api-key` or Azure's `api-key`, are answered 401. @default any key is fine */
  readonly apiKey?: string
  /** @default one model, `scripted-1` */
  readonly models?: readonly ListedModel[]
  /** Refuses what this service refuses, as it does. @default nothing is refused */
  readonly dialect?: DialectName
}

/** Defaults for the options of a model server. */
export const modelServerDefaults = { answers: [], models: [{ id: 'scripted-1' }] } as const satisfies ModelServerOptions

export class ModelScript {
  /** Every request so far, in order of arrival. */
  readonly requests: ReceivedRequest[] = []
  readonly #options: ModelServerOptions
  readonly #queue: ScriptedModelAnswer[] = []
  #calls = 0

  /** Throws `invalid-option` for an answer or a dialect that is none. */
  constructor(options: ModelServerOptions) {
    checkDialect(options.dialect)
    this.#options = options
    const answers = options.answers ?? modelServerDefaults.answers
    if (typeof answers !== 'function') this.enqueue(...answers)
  }

  /** Adds answers to the end of the queue. Throws `invalid-option` for one that is none. */
  enqueue(...answers: readonly ScriptedModelAnswer[]): void {
    for (const [index, answer] of answers.entries()) checkScripted(answer, `answers[${index}]`)
    this.#queue.push(...answers)
  }

  /** Resolves with the script's answer to a request. Rejects when the script's function failed. */
  async reply(request: ReceivedRequest, response: ReplyTarget): Promise<void> {
    this.requests.push(request)
    const wire = wires[request.protocol]
    if (!this.#isAllowed(request)) return deliver(response, request, { error: { status: 401 } })
    if (request.method === 'GET' && request.path === '/v1/models') {
      const models = this.#options.models ?? modelServerDefaults.models
      return sendJson(response, 200, wire.models(models, request.query))
    }
    if (request.method !== 'POST' || !Object.values(wires).some(({ path }) => path === request.path)) {
      return sendJson(response, 404, wire.error({ status: 404 }))
    }
    const refusal = refusalOf(this.#options.dialect, request)
    if (refusal !== undefined) return deliver(response, request, { error: refusal })
    const { answers } = this.#options
    const index = this.#calls++
    const next = typeof answers === 'function' ? answers : this.#queue.shift()
    if (next === undefined)
      return sendJson(response, 500, { error: { type: 'script_exhausted', message: 'The script has no more answers' } })
    const answer = typeof next === 'function' ? await next(request, index) : next
    await deliver(response, request, modelAnswerOf(answer, request.protocol))
  }

  #isAllowed({ headers }: ReceivedRequest): boolean {
    const { apiKey } = this.#options
    if (apiKey === undefined || headers.authorization === `Bearer ${apiKey}`) return true
    return headers['x-api-key'] === apiKey || headers['api-key'] === apiKey
  }
}

/** Returns the parsed JSON, or the text when it is none. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sendJson(response: ReplyTarget, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
