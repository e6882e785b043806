/** The protocols of model services, as far as is needed to tell that an answer is in another one than was asked for. */
import { BeamClawError } from '@beamclaw/core'
import type { ServerSentEvent } from './sse.ts'

interface ModelProtocol {
  readonly title: string
  /** What speaks it. */
  readonly speaker: string
  /** Ends the path that answers are asked at. */
  readonly path: string
  /** Tells from the fields of an event, or of a whole answer, that they are of this protocol. */
  readonly isSpokenIn: (fields: Readonly<Record<string, unknown>>) => boolean
}

const anthropicTypes = /^(?:message|message_(?:start|delta|stop)|content_block_(?:start|delta|stop))$/

const protocols: readonly ModelProtocol[] = [
  {
    title: 'the Messages API',
    speaker: 'AnthropicProvider speaks it',
    path: '/messages',
    isSpokenIn: ({ type }) => typeof type === 'string' && anthropicTypes.test(type),
  },
  {
    title: 'Chat Completions',
    speaker: 'OpenAiProvider speaks it',
    path: '/chat/completions',
    isSpokenIn: ({ choices }) => Array.isArray(choices),
  },
  {
    title: 'the Responses API',
    speaker: 'OpenAiResponsesProvider speaks it',
    path: '/responses',
    isSpokenIn: ({ type, object }) => (typeof type === 'string' && type.startsWith('response.')) || object === 'response',
  },
  {
    title: "Gemini's own API",
    speaker: 'the dialect "gemini" of OpenAiProvider knows the address of the other one',
    path: ':streamGenerateContent',
    isSpokenIn: ({ candidates }) => Array.isArray(candidates),
  },
  {
    title: "Ollama's own API",
    speaker: 'the dialect "ollama" of OpenAiProvider knows the address of the other one',
    path: '/api/chat',
    isSpokenIn: ({ done, model }) => typeof done === 'boolean' && typeof model === 'string',
  },
]

function asked(path: string): ModelProtocol | undefined {
  return protocols.find((protocol) => path.endsWith(protocol.path))
}

/** What came of an answer in which nothing was understood. */
export interface UnreadAnswer {
  /** The path that was asked. */
  readonly path: string
  /** The first event, if one came. */
  readonly first: ServerSentEvent | undefined
  readonly receivedBytes: number
  readonly contentType: string
}

/** Returns the error for an answer of which no part could be read: what it is instead, as far as that can be told. */
export function unreadError(name: string, error: unknown, answer: UnreadAnswer): unknown {
  if (!BeamClawError.isInstance(error, 'provider-protocol')) return error
  const { limit, errorCode, contentType: given } = error.details
  // These say all that is to be said.
  if (limit !== undefined || errorCode !== undefined || given === 'text/html') return error
  const own = asked(answer.path)
  const found = answer.first === undefined ? undefined : spokenIn(answer.first)
  // An answer that broke off early.
  if (found !== undefined && found === own) return error
  const ownTitle = own?.title ?? 'the protocol of this provider'
  if (found !== undefined) {
    const message = `${name} answered in another protocol: in ${found.title}, and not in ${ownTitle}. Correct "baseUrl", or take the right provider: ${found.speaker}`
    return new BeamClawError('provider-protocol', message, { isRetryable: false, details: { ...error.details, protocol: found.title } })
  }
  const { contentType, receivedBytes } = answer
  if (answer.first === undefined && contentType === 'text/event-stream' && receivedBytes > 0) return error
  const what = contentOf(answer)
  const problem = what === undefined ? error.message : `${error.message} (${what})`
  return new BeamClawError('provider-protocol', `${problem}. Check that "baseUrl" is the address of a server that speaks ${ownTitle}`, {
    details: { ...error.details, ...(contentType === '' ? {} : { contentType }) },
  })
}

/** Returns what an answer in no known protocol is; undefined for a stream of events. */
function contentOf({ first, receivedBytes, contentType }: UnreadAnswer): string | undefined {
  if (receivedBytes === 0) return 'it is empty'
  if (first !== undefined) return contentType === 'application/json' ? 'it is JSON of another kind' : undefined
  return `it is no stream of events${contentType === '' ? '' : `, but ${contentType}`}`
}

function spokenIn({ data }: ServerSentEvent): ModelProtocol | undefined {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null) return undefined
    return protocols.find(({ isSpokenIn }) => isSpokenIn(value as Readonly<Record<string, unknown>>))
  } catch {
    return undefined
  }
}
