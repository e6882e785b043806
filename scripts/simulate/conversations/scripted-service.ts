/** A model service in the process: judges each request that arrives, and answers as models do on their worse days. */
import type { Random } from '../../../packages/core/src/index.ts'
import type { ModelAnswer } from '../../../packages/testkit/src/model-server/answer.ts'
import { anthropicError, anthropicFrames } from '../../../packages/testkit/src/model-server/anthropic-wire.ts'
import { openAiError, openAiFrames } from '../../../packages/testkit/src/model-server/openai-wire.ts'
import { integerBetween, pickOne } from '../../../packages/testkit/src/seeded-random.ts'
import { judgeRequest, type WireFormat } from './judge-request.ts'
import { longText, oddText } from './odd-text.ts'
import { WhatWasSaid } from './what-was-said.ts'

export interface ScriptedServiceOptions {
  readonly random: Random
  /** Bytes of a request that the model can read. */
  readonly windowBytes: number
  /** Called with each rule that a request breaks. */
  readonly onBroken: (rule: string, body: string) => void
}

/** Why an answer was cut off, in the words of each service. */
const cutReasons = { anthropic: ['max_tokens', 'refusal'], openai: ['length', 'content_filter'] } as const

const toolNames = ['look', 'list', 'no_such_tool', 'odd.name/with spaces']

export class ScriptedService {
  readonly #options: ScriptedServiceOptions
  readonly #said = new Map<string, WhatWasSaid>()
  requests = 0
  summaries = 0

  constructor(options: ScriptedServiceOptions) {
    this.#options = options
  }

  /** What was said in a conversation, by the name of its model. */
  said(model: string): WhatWasSaid {
    const known = this.#said.get(model) ?? new WhatWasSaid()
    this.#said.set(model, known)
    return known
  }

  /** Makes the `fetch` of a provider. */
  fetchFor(format: WireFormat): (url: string, init: RequestInit) => Promise<Response> {
    return async (_url, init) => this.#respond(format, String(init.body))
  }

  #respond(format: WireFormat, body: string): Response {
    const { random, windowBytes, onBroken } = this.#options
    this.requests++
    for (const rule of judgeRequest(format, body)) onBroken(`${format}: ${rule}`, body)
    const { model } = JSON.parse(body) as { readonly model: string }
    const said = this.said(model)
    const isSummary = body.includes('Summarise this conversation')
    if (isSummary) this.summaries++
    const lost = isSummary ? said.summaryAsked(body) : said.asked(body)
    if (lost !== undefined) onBroken(lost, body)
    if (new TextEncoder().encode(body).byteLength > windowBytes) {
      return overflow(format, said.overflowed(body, isSummary))
    }
    if (random.next() < 0.06) return this.#failure(format)
    if (!isSummary) said.answered()
    const answer = isSummary ? this.#summary(said, format) : this.#answer(format)
    const frames = format === 'anthropic' ? anthropicFrames(answer, model) : openAiFrames(answer, model)
    const kept = random.next() < 0.04 ? frames.slice(0, integerBetween(random, 0, frames.length - 3)) : frames
    // A summary that broke off is not whole, whatever it says.
    if (isSummary && kept.length < frames.length) said.summaryBroke()
    const text = kept.map(
      ({ event, data }) =>
        `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`,
    )
    return new Response(text.join(''), { headers: { 'content-type': 'text/event-stream' } })
  }

  #failure(format: WireFormat): Response {
    const status = pickOne(this.#options.random, [500, 429, 400, 529])
    const body = format === 'anthropic' ? anthropicError({ status }) : openAiError({ status })
    return Response.json(body, { status, headers: { 'retry-after': '1' } })
  }

  #summary(said: WhatWasSaid, format: WireFormat): ModelAnswer {
    const { random } = this.#options
    const dice = random.next()
    if (dice < 0.1) return {}
    if (dice < 0.2) return { thinking: 'I would have to think about it' }
    if (dice < 0.25) return { text: ' \n ' }
    const text = `${said.summaryGiven(dice >= 0.4)} They talked. ${oddText(random)}`
    // Cut off: by the length limit, by a filter.
    if (dice < 0.4) return { text, finish: pickOne(random, cutReasons[format]) }
    return { text }
  }

  #answer(format: WireFormat): ModelAnswer {
    const { random } = this.#options
    const dice = random.next()
    const isThinking = random.next() < 0.4
    const thinking = isThinking ? { thinking: { text: 'a thought', signature: `sig-${integerBetween(random, 1, 999)}` } } : {}
    if (dice < 0.05) return {}
    if (dice < 0.12) return { thinking: { text: 'only a thought', signature: 'sig-only' } }
    if (dice < 0.16) return { ...thinking, text: oddText(random), finish: pickOne(random, cutReasons[format]) }
    if (dice < 0.6) {
      const count = integerBetween(random, 1, 4)
      const toolCalls = Array.from({ length: count }, (_, index) => ({
        name: pickOne(random, toolNames),
        id: pickOne(random, [`call_${index}`, `call_${index}`, 'same', null, `odd id.${index}`, `long_${'x'.repeat(50)}`]),
        input: pickOne(random, [{}, { text: oddText(random) }, [1], 'text', { [oddText(random)]: 1 }]),
        ...(random.next() < 0.1 ? { inputText: '{"cut' } : {}),
      }))
      return { ...thinking, ...(random.next() < 0.5 ? { text: oddText(random) } : {}), toolCalls }
    }
    const text = random.next() < 0.2 ? longText(random, integerBetween(random, 500, 6_000)) : oddText(random)
    // The pieces may end in the middle of a surrogate pair.
    return { ...thinking, text: random.next() < 0.3 ? [...text.slice(0, 9)].flatMap((character) => character.split('')) : [text] }
  }
}

function overflow(format: WireFormat, mark: string): Response {
  const error =
    format === 'anthropic'
      ? { type: 'error', error: { type: 'invalid_request_error', message: `prompt is too long ${mark}` } }
      : { error: { message: `too long ${mark}`, type: 'invalid_request_error', code: 'context_length_exceeded' } }
  return Response.json(error, { status: 400 })
}
