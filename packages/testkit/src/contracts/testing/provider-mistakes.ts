/**
 * Planted mistakes of providers. Not covered: mistakes that only a real network reveals (half characters at the border of two chunks, connections
 * that are opened and never used), for which the faults of the model server are made.
 */
import { BeamClawError, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import { type CallState, correctProvider as correct, type ProviderMistake, type ProviderRules } from './mistaken-provider.ts'
import { plainKey, type ServiceEvent } from './plain-service.ts'

type Rules = Partial<ProviderRules>

/** Changes each part, or leaves it out, or makes several of it. */
const parts = (change: (part: ProviderPart, state: CallState) => unknown): Rules => ({
  partsOf: (event, state) => correct.partsOf(event, state).flatMap((part) => change(part, state) as ProviderPart),
})

const finish = (change: (part: Extract<ProviderPart, { type: 'finish' }>, state: CallState) => object): Rules =>
  parts((part, state) => (part.type === 'finish' ? { ...part, ...change(part, state) } : part))

const text = (change: (text: string, state: CallState) => string): Rules =>
  parts((part, state) => (part.type === 'text-delta' ? { ...part, text: change(part.text, state) } : part))

const call = (change: (part: Extract<ProviderPart, { type: 'tool-call' }>) => unknown): Rules =>
  parts((part) => (part.type === 'tool-call' ? change(part) : part))

const sent = (change: (request: ProviderRequest) => unknown): Rules => ({
  sent: (request) => change(correct.sent(request) as ProviderRequest),
})

const without = (kind: string): Rules =>
  sent((request) => ({
    ...request,
    messages: request.messages.map((message) => ({
      ...message,
      content: typeof message.content === 'string' ? message.content : message.content.filter(({ type }) => type !== kind),
    })),
  }))

const errors = (change: (error: BeamClawError, event: ServiceEvent) => Error | undefined): Rules => ({
  errorOf: (event) => {
    const error = correct.errorOf(event)
    return error === undefined ? undefined : change(error as BeamClawError, event)
  },
})

const zeroUsage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
const finishPart: ProviderPart = { type: 'finish', reason: 'stop', usage: zeroUsage }

const whole = 'an answer is text and then exactly one finish'
const ended = 'after the finish nothing more comes'
const usage = 'usage is four counts of tokens, perhaps with two parts of them, and none is negative'
const known = 'every part is of a known type, with the fields of that type'
const exact = 'the text is that of the service, to the last character'
const counted = 'usage is what the service counted, for each call'
const mixed = 'calls at once do not mix their answers'
const system = 'the model and the system text reach the service'
const messages = 'every message reaches the service, in order'
const results = 'calls and their results reach the service, each result with the id of its call'
const tools = 'tools reach the service with name, description and schema'
const limits = 'limits and sampling reach the service, or a warning tells which does not'
const nothingElse = 'one request holds nothing of another'
const comesWhole = 'a tool call comes whole, with an id of its own, and once'
const pieces = 'pieces of a call come between its start and the call'
const inputOf = 'the pieces of a call are its input'
const cutOff = 'a call that the output limit cut off is left out'
const before = 'asking does not throw, nor does an aborted signal before the first part is asked for'
const middle = 'an abort in the middle ends the stream and frees the connection'
const headers = 'an abort ends a call to which nothing has come, not even a header'
const wrongKey = 'a wrong key is no use trying again'
const again = 'too many calls, or a broken service, may be tried again'
const breaksOff = 'an answer that breaks off is an error, not an end'
const noKey = 'no error shows the key'
const models = 'the models it lists have ids'

export const providerMistakes = {
  'ends without a finish': { caughtBy: whole, rules: parts((part) => (part.type === 'finish' ? [] : part)) },
  'finishes twice': { caughtBy: whole, rules: parts((part) => (part.type === 'finish' ? [part, part] : part)) },
  'answers twice': { caughtBy: exact, rules: parts((part) => (part.type === 'text-delta' ? [part, part] : part)) },
  'says no text': { caughtBy: whole, rules: parts((part) => (part.type === 'text-delta' ? [] : part)) },
  'goes on after the finish': { caughtBy: ended, rules: { afterEnd: [{ type: 'text-delta', text: 'more' }] } },
  'finishes again after the finish': { caughtBy: ended, rules: { afterEnd: [finishPart] } },
  'finishes before the text': {
    caughtBy: whole,
    rules: { partsOf: (event, state) => [...(state.ids++ === 0 ? [finishPart] : []), ...correct.partsOf(event, state)] },
  },
  'gives the words of the service for the reason': {
    caughtBy: known,
    rules: finish(({ reason }) => ({ reason: reason === 'tool-calls' ? 'tool_use' : reason })),
  },
  'gives other as the reason for every end': { caughtBy: whole, rules: finish(() => ({ reason: 'other' })) },
  'gives stop as the reason where tools are called': { caughtBy: comesWhole, rules: finish(() => ({ reason: 'stop' })) },
  'gives stop as the reason where the limit was hit': {
    caughtBy: cutOff,
    rules: finish(({ reason }) => ({ reason: reason === 'length' ? 'stop' : reason })),
  },
  'gives no usage': { caughtBy: usage, rules: finish(() => ({ usage: undefined })) },
  'leaves the cached tokens out of usage': {
    caughtBy: usage,
    rules: finish((part) => ({ usage: { inputTokens: part.usage.inputTokens, outputTokens: 1 } })),
  },
  'adds a total to usage': { caughtBy: usage, rules: finish((part) => ({ usage: { ...part.usage, totalTokens: 17 } })) },
  'gives NaN for tokens': { caughtBy: usage, rules: finish((part) => ({ usage: { ...part.usage, outputTokens: Number.NaN } })) },
  'gives negative tokens': { caughtBy: usage, rules: finish((part) => ({ usage: { ...part.usage, inputTokens: -1 } })) },
  'gives tokens as texts': { caughtBy: usage, rules: finish((part) => ({ usage: { ...part.usage, inputTokens: '12' } })) },
  'guesses parts of tokens': { caughtBy: usage, rules: finish((part) => ({ usage: { ...part.usage, inputTokens: 12.25 } })) },
  'gives no tokens for usage': { caughtBy: counted, rules: finish(() => ({ usage: zeroUsage })) },
  'swaps input and output tokens': {
    caughtBy: counted,
    rules: finish(({ usage: { inputTokens: outputTokens, outputTokens: inputTokens } }) => ({
      usage: { ...zeroUsage, inputTokens, outputTokens },
    })),
  },
  'counts input tokens as cached, too': {
    caughtBy: counted,
    rules: finish((part) => ({ usage: { ...part.usage, cacheReadTokens: part.usage.inputTokens } })),
  },
  'guesses tokens from the text': { caughtBy: counted, rules: finish((part) => ({ usage: { ...part.usage, outputTokens: 3 } })) },
  'sums usage over its calls': { caughtBy: counted, rules: summing() },
  'gives empty deltas': {
    caughtBy: 'nothing is empty: each delta has text',
    rules: {
      partsOf: (event, state) => (event.type === 'text' ? [{ type: 'text-delta', text: event.text }] : correct.partsOf(event, state)),
    },
  },
  'trims pieces of text': { caughtBy: exact, rules: text((piece) => piece.trim()) },
  'gives the text so far in each piece': {
    caughtBy: exact,
    rules: text((piece, state) => {
      state.text += piece
      return state.text
    }),
  },
  'loses the first piece of text': {
    caughtBy: exact,
    rules: parts((part, state) => (part.type === 'text-delta' && state.ids++ === 0 ? [] : part)),
  },
  'normalises text': { caughtBy: exact, rules: text((piece) => piece.normalize('NFC')) },
  'loses what is no ASCII': { caughtBy: exact, rules: text((piece) => piece.replaceAll(/[^\n\t -~]/g, '?')) },
  'folds spaces': { caughtBy: exact, rules: text((piece) => piece.replaceAll(/\s+/g, ' ')) },
  'gives the text in one piece at the end': { caughtBy: exact, rules: holding() },
  'gives parts of a type of its own': {
    caughtBy: known,
    rules: parts((part) => (part.type === 'finish' ? [{ type: 'usage', usage: zeroUsage }, part] : part)),
  },
  'gives text under another name': {
    caughtBy: known,
    rules: parts((part) => (part.type === 'text-delta' ? { type: 'text-delta', delta: part.text } : part)),
  },
  'shares the gathered text between calls': { caughtBy: mixed, rules: { ...sharing(), ...holding() } },
  'shares gathered calls between calls': { caughtBy: 'calls at once and after one another have ids of their own', rules: sharing() },
  'answers calls one after another': { caughtBy: 'an abort ends its own call only', rules: { waitsForOthers: true } },
  'takes tools out of the request': {
    caughtBy: 'the request is left as it was',
    rules: { onCall: (request) => void (request.tools as unknown[] | undefined)?.splice(0) },
  },
  'adds the system text to the messages of the caller': {
    caughtBy: 'the request is left as it was',
    rules: { onCall: ({ system: content = '', messages: list }) => void (list as unknown[]).unshift({ role: 'system', content }) },
  },
  'drops the system text': { caughtBy: system, rules: sent(({ system: _, ...rest }) => rest) },
  'asks a model of its own choice': { caughtBy: system, rules: sent((request) => ({ ...request, model: 'other' })) },
  'sends the last message only': { caughtBy: messages, rules: sent((request) => ({ ...request, messages: request.messages.slice(-1) })) },
  'sends messages backwards': { caughtBy: messages, rules: sent((request) => ({ ...request, messages: request.messages.toReversed() })) },
  'drops what the assistant said': {
    caughtBy: messages,
    rules: sent((request) => ({ ...request, messages: request.messages.filter(({ role }) => role !== 'assistant') })),
  },
  'sends the first part of a message only': {
    caughtBy: messages,
    rules: sent((request) => ({
      ...request,
      messages: request.messages.map(({ role, content }) => ({
        role,
        content: typeof content === 'string' ? content : content.slice(0, 1),
      })),
    })),
  },
  'drops messages whose content is in parts': {
    caughtBy: messages,
    rules: sent((request) => ({ ...request, messages: request.messages.filter(({ content }) => typeof content === 'string') })),
  },
  'drops the results of tools': { caughtBy: results, rules: without('tool-result') },
  'drops the calls of the assistant': { caughtBy: results, rules: without('tool-call') },
  'drops results that are in parts': {
    caughtBy: results,
    rules: { sent: (request) => JSON.parse(JSON.stringify(correct.sent(request)).replace('mark-result-two', '')) },
  },
  'sends results without the id of their call': {
    caughtBy: results,
    rules: { sent: (request) => JSON.parse(JSON.stringify(correct.sent(request)).replaceAll('toolCallId":"call_', 'toolCallId":"')) },
  },
  'sends calls without their input': {
    caughtBy: results,
    rules: { sent: (request) => JSON.parse(JSON.stringify(correct.sent(request)).replaceAll(/2004\d/g, '0')) },
  },
  'drops the tools': { caughtBy: tools, rules: sent(({ tools: _, ...rest }) => rest) },
  'sends the first tool only': { caughtBy: tools, rules: sent(({ tools: list, ...rest }) => ({ ...rest, tools: list?.slice(0, 1) })) },
  'sends tools without their descriptions': {
    caughtBy: tools,
    rules: sent(({ tools: list, ...rest }) => ({ ...rest, tools: list?.map(({ description: _, ...tool }) => tool) })),
  },
  'sends tools without their schemas': {
    caughtBy: tools,
    rules: sent(({ tools: list, ...rest }) => ({ ...rest, tools: list?.map(({ inputSchema: _, ...tool }) => tool) })),
  },
  'keeps the tools of the call before': { caughtBy: 'no tools reach the service where the request has none', rules: keeping('tools') },
  'keeps the system text of the call before': { caughtBy: nothingElse, rules: keeping('system') },
  'keeps the messages of the calls before': { caughtBy: nothingElse, rules: accumulating() },
  'drops the output limit': { caughtBy: limits, rules: sent(({ maxOutputTokens: _, ...rest }) => rest) },
  'drops the temperature': { caughtBy: limits, rules: sent(({ temperature: _, ...rest }) => rest) },
  'rounds the temperature': {
    caughtBy: limits,
    rules: sent((request) => ({ ...request, temperature: Math.round(request.temperature ?? 1) })),
  },
  'drops the stop sequences': { caughtBy: limits, rules: sent(({ stopSequences: _, ...rest }) => rest) },
  'sends text without what is no ASCII': {
    caughtBy: 'any text reaches the service as it is',
    rules: { sent: (request) => JSON.parse(JSON.stringify(correct.sent(request)).replaceAll(/[^ -~]/g, '?')) },
  },
  'folds the spaces that it sends': {
    caughtBy: 'any text reaches the service as it is',
    rules: { sent: (request) => JSON.parse(JSON.stringify(correct.sent(request)).replaceAll(/ +/g, ' ')) },
  },
  'sends the name of the agent': { caughtBy: 'the name of the agent does not reach the service', rules: { sent: (request) => request } },
  'answers from a cache': { caughtBy: 'one call is one request', rules: { sent: caching() } },
  'gives calls without an id': { caughtBy: comesWhole, rules: call((part) => ({ ...part, id: '' })) },
  'gives the input of a call as text': { caughtBy: comesWhole, rules: call((part) => ({ ...part, input: JSON.stringify(part.input) })) },
  'gives a call twice': { caughtBy: comesWhole, rules: call((part) => [part, part]) },
  'gives pieces of a call and not the call': { caughtBy: comesWhole, rules: call(() => []) },
  'gives a call another name': { caughtBy: comesWhole, rules: call((part) => ({ ...part, name: 'functions.add' })) },
  'gives pieces before their start': { caughtBy: pieces, rules: parts((part) => (part.type === 'tool-call-start' ? [] : part)) },
  'starts a call and never gives it': { caughtBy: pieces, rules: call((part) => ({ ...part, id: `${part.id}-whole` })) },
  'gives pieces that are not the input': { caughtBy: inputOf, rules: call((part) => ({ ...part, input: {} })) },
  'starts a call at each of its pieces': {
    caughtBy: inputOf,
    rules: parts((part) => (part.type === 'tool-call-delta' ? [{ type: 'tool-call-start', id: part.id, name: 'add' }, part] : part)),
  },
  'gives a call that was cut off': {
    caughtBy: cutOff,
    rules: parts((part) =>
      part.type === 'finish' && part.reason === 'length' ? [{ type: 'tool-call', id: 'call_0', name: 'add', input: {} }, part] : part,
    ),
  },
  'throws from doStream': { caughtBy: wrongKey, rules: { ...throwing(), connectsAtOnce: false } },
  'does not look at a signal that was aborted before': { caughtBy: before, rules: { checksBefore: false } },
  'sends the request before a part is asked for': { caughtBy: before, rules: { connectsAtOnce: true } },
  'throws the reason of the abort': { caughtBy: middle, rules: { aborted: ({ reason }) => reason as Error } },
  'throws an abort as a time-out': { caughtBy: middle, rules: { aborted: () => new BeamClawError('provider-timeout', 'aborted') } },
  'throws an abort as store-stopped': { caughtBy: middle, rules: { aborted: () => new BeamClawError('store-stopped', 'aborted') } },
  'ignores an abort': { caughtBy: middle, rules: { hears: (what) => what !== 'abort' } },
  'ignores an abort before anything has come': { caughtBy: headers, rules: { hears: (what, count) => what !== 'abort' || count > 0 } },
  'ignores that it is left': { caughtBy: 'leaving while a part is awaited ends the wait', rules: { hears: (what) => what !== 'leave' } },
  'ignores that it is left before anything has come': {
    caughtBy: 'leaving ends the wait for a first part',
    rules: { hears: (what, count) => what !== 'leave' || count > 0 },
  },
  'keeps the connection of an aborted call': { caughtBy: middle, rules: { isFreed: (end) => end !== 'aborted' } },
  'keeps the connection of a call that was left': {
    caughtBy: 'leaving the loop frees the connection',
    rules: { isFreed: (end) => end !== 'left' },
  },
  'keeps the connection of a failed call': {
    caughtBy: 'a failed call frees its connection',
    rules: { isFreed: (end) => end !== 'failed' },
  },
  'leaves its listener on the signal': {
    caughtBy: 'a call leaves nothing on a signal that outlives it',
    rules: { removesListener: false },
  },
  'throws a foreign error': { caughtBy: wrongKey, rules: errors(() => new TypeError('fetch failed')) },
  'throws errors of no provider': { caughtBy: wrongKey, rules: errors(() => new BeamClawError('unknown-model', 'refused')) },
  'throws one code for every failure': { caughtBy: again, rules: errors(() => new BeamClawError('provider-server', 'failed')) },
  'says that a wrong key may be tried again': {
    caughtBy: wrongKey,
    rules: errors((error) => (error.code === 'provider-auth' ? new BeamClawError('provider-server', 'failed') : error)),
  },
  'takes too many calls for a bad request': {
    caughtBy: again,
    rules: errors((error) => (error.code === 'provider-rate-limit' ? new BeamClawError('provider-bad-request', 'failed') : error)),
  },
  'takes a broken service for a bad request': {
    caughtBy: again,
    rules: errors((error) => (error.code === 'provider-server' ? new BeamClawError('provider-bad-request', 'failed') : error)),
  },
  'puts the key into the text of an error': {
    caughtBy: noKey,
    rules: errors((error, event) => new BeamClawError(error, event.type === 'refused' ? event.message : 'broken')),
  },
  'puts the key into the details of an error': {
    caughtBy: noKey,
    rules: errors((error) => new BeamClawError(error, 'failed', { details: { headers: { authorization: `Bearer ${plainKey}` } } })),
  },
  'puts the key into the cause of an error': {
    caughtBy: noKey,
    rules: errors((error) => new BeamClawError(error, 'failed', { cause: new Error(`401 for ${plainKey}`) })),
  },
  'throws errors without a text': { caughtBy: noKey, rules: errors((error) => new BeamClawError(error, '')) },
  'takes a refusal for an empty answer': {
    caughtBy: wrongKey,
    rules: {
      errorOf: (event) => (event.type === 'refused' ? undefined : correct.errorOf(event)),
      partsOf: (event, state) => (event.type === 'refused' ? [finishPart] : correct.partsOf(event, state)),
    },
  },
  'ends where the connection breaks': {
    caughtBy: breaksOff,
    rules: { errorOf: (event) => (event.type === 'broken' ? undefined : correct.errorOf(event)) },
  },
  'finishes where the connection breaks': {
    caughtBy: breaksOff,
    rules: {
      errorOf: (event) => (event.type === 'broken' ? undefined : correct.errorOf(event)),
      partsOf: (event, state) => (event.type === 'broken' ? [finishPart] : correct.partsOf(event, state)),
    },
  },
  'takes a broken connection for an abort': {
    caughtBy: breaksOff,
    rules: errors((error, event) => (event.type === 'broken' ? new BeamClawError('provider-aborted', 'broken') : error)),
  },
  'waits for ever where the connection breaks': {
    caughtBy: breaksOff,
    rules: { errorOf: (event) => (event.type === 'broken' ? undefined : correct.errorOf(event)), endsAt: ({ type }) => type === 'end' },
  },
  'tries again behind the back': {
    caughtBy: 'a failed call does the next one no harm, and nothing is tried again behind the back',
    rules: { retries: 1 },
  },
  'lists a model without an id': { caughtBy: models, rules: { models: () => [{ id: '' }] } },
  'lists a model twice': { caughtBy: models, rules: { models: () => [{ id: 'plain-1' }, { id: 'plain-1' }] } },
  'lists a context window of nothing': { caughtBy: models, rules: { models: () => [{ id: 'plain-1', contextWindow: 0 }] } },
} as const satisfies Readonly<Record<string, ProviderMistake>>

function summing(): Rules {
  let total = 0
  return finish((part) => {
    total += part.usage.inputTokens
    return { usage: { ...part.usage, inputTokens: total } }
  })
}

/** Gathers the text, and gives it before the finish. */
function holding(): Rules {
  return parts((part, state) => {
    if (part.type === 'text-delta') {
      state.text += part.text
      return []
    }
    return part.type === 'finish' ? [{ type: 'text-delta', text: state.text }, part] : part
  })
}

function sharing(): Rules {
  const shared = correct.newState()
  return { newState: () => shared }
}

/** A field of the last request that had it. */
function keeping(field: 'tools' | 'system'): Rules {
  let kept: unknown
  return sent((request) => {
    kept = request[field] ?? kept
    return { ...request, [field]: kept }
  })
}

function accumulating(): Rules {
  const all: unknown[] = []
  return sent((request) => {
    all.push(...request.messages)
    return { ...request, messages: [...all] }
  })
}

function caching(): ProviderRules['sent'] {
  let first: unknown
  return (request) => {
    first ??= correct.sent(request)
    return first
  }
}

/** Throws synchronously where it knows already that it will fail. */
function throwing(): Rules {
  return {
    onCall: () => {
      throw new BeamClawError('provider-auth', 'no key')
    },
  }
}
