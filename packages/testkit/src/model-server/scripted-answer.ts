/** What a script may hold for one request, read as the answer of a model. */
import { BeamClawError, type FinishReason, type ProviderPart } from '@beamclaw/core'
import { checkOptions, describeValue, type OptionRules } from '@beamclaw/core/adapter'
import type { ModelAnswer, Protocol, ReceivedRequest } from './answer.ts'

/**
 * One answer of a script: a text, a `ModelAnswer` with the faults of its delivery, what `toolAnswer(name, input)` and `textAnswer(text)` return, or a
 * function that returns one of these.
 */
export type ScriptedModelAnswer = AnswerOfScript | AnswerFunction

/** Decides the answer to a request; `index` counts model calls from 0. */
export type AnswerFunction = (request: ReceivedRequest, index: number) => AnswerOfScript | Promise<AnswerOfScript>

/** An answer that needs no request to be known. */
export type AnswerOfScript = string | ModelAnswer | readonly ProviderPart[] | { readonly parts: readonly ProviderPart[] }

const anything = (): undefined => undefined

const rules: OptionRules<ModelAnswer> = {
  text: anything,
  thinking: anything,
  toolCalls: anything,
  usage: anything,
  finish: anything,
  streamError: anything,
  error: anything,
  raw: anything,
  frames: anything,
  headers: anything,
  delivery: anything,
}

/** Throws `invalid-option` for what is no answer: sent, it would be an empty one. `place` begins the message. */
export function checkScripted(given: unknown, place: string): void {
  if (typeof given === 'string' || typeof given === 'function' || partsOf(given) !== undefined) return
  if (typeof given !== 'object' || given === null) {
    const expected = 'a text, an answer such as { text } or { error: { status } }, a result of toolAnswer() or textAnswer(), or a function'
    throw new BeamClawError('invalid-option', `${place} must be ${expected}, received ${describeValue(given)}`)
  }
  checkOptions<ModelAnswer>(place, given as ModelAnswer, rules)
}

/** Returns the answer in the words of a protocol. Throws `invalid-option`. */
export function modelAnswerOf(given: AnswerOfScript, protocol: Protocol): ModelAnswer {
  checkScripted(given, 'The answer of the script')
  if (typeof given === 'string') return { text: given }
  const parts = partsOf(given)
  return parts === undefined ? (given as ModelAnswer) : answerOfParts(parts, protocol)
}

function partsOf(given: unknown): readonly ProviderPart[] | undefined {
  if (Array.isArray(given)) return given as readonly ProviderPart[]
  const { parts } = (typeof given === 'object' && given !== null ? given : {}) as { readonly parts?: unknown }
  return Array.isArray(parts) ? (parts as readonly ProviderPart[]) : undefined
}

/** The reasons for which a protocol has a word that does not follow from the answer. */
const finishWords: Readonly<Record<Protocol, Partial<Record<FinishReason, string>>>> = {
  openai: { length: 'length', 'content-filter': 'content_filter' },
  'openai-responses': { length: 'max_output_tokens', 'content-filter': 'content_filter' },
  anthropic: { length: 'max_tokens', 'content-filter': 'refusal' },
}

function answerOfParts(parts: readonly ProviderPart[], protocol: Protocol): ModelAnswer {
  const text = parts.flatMap((part) => (part.type === 'text-delta' ? [part.text] : []))
  const thinking = parts.map((part) => (part.type === 'thinking-delta' ? part.text : '')).join('')
  const toolCalls = parts.flatMap((part) => (part.type === 'tool-call' ? [{ id: part.id, name: part.name, input: part.input }] : []))
  const end = parts.find((part) => part.type === 'finish')
  const finish = end === undefined ? undefined : finishWords[protocol][end.reason]
  return {
    ...(text.length === 0 ? {} : { text }),
    ...(thinking === '' ? {} : { thinking }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(end === undefined ? {} : { usage: end.usage }),
    ...(finish === undefined ? {} : { finish }),
  }
}
