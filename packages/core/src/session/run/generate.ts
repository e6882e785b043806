/** One model answer without a session: checks the request, assembles the answer, stores nothing. */
import type { Clock, Logger } from '@beamclaw/actor'
import {
  anArray,
  anObject,
  anything,
  aSignal,
  checkOptions,
  guardedAbortController,
  integer,
  type OptionRule,
  oneOf,
  readOptions,
  text,
} from '@beamclaw/actor/internal'
import { aTemperature, aToolChoice, modelRule } from '../../agent/agent.ts'
import { bytesOfPart, contentsOf, noBase64, problemOfPart, referencesIn, type ShownContent } from '../../base/attachments.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import { defaultTenant } from '../../base/ids.ts'
import { eachOf, type Fail, messageOf, newContentOf, read } from '../../base/message-check.ts'
import { type Message, textOf, type UserMessage } from '../../base/messages.ts'
import type { ProviderRequest } from '../../ports/provider.ts'
import { asProviderError } from '../../provider/provider-error.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { type ModelAnswer, readAnswer } from './model-answer.ts'

/** A request to a model outside any session. It is not stored. */
export type CompletionRequest = Omit<ProviderRequest, 'model'> & {
  /** `<provider>/<model>`. */
  readonly model: string
}

/** The request of `running.generate`. */
export interface GenerateRequest extends Omit<CompletionRequest, 'messages'> {
  /** The conversation so far; the prompt comes after it. @default none */
  readonly messages?: readonly Message[]
  /** Aborts the call. @default none */
  readonly signal?: AbortSignal
}

/** The complete answer of a model. */
export interface GeneratedAnswer extends ModelAnswer {
  /** The text of `message`, without thinking and tool calls. */
  readonly text: string
}

/** The services and limits that `generate` uses. */
export interface Generation {
  readonly providers: ProviderTable
  readonly turns: EventLoopTurns
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the tree has ended: no call may outlive the tree. */
  readonly ended: AbortSignal
}

const failOf =
  (owner: string): Fail =>
  (problem) =>
    new BeamClawError('invalid-message', `${owner}: ${problem}`)

/** Resolves with the answer. Rejects as `RunningBeamClaw.generate` does. */
export async function generate(
  given: string | GenerateRequest,
  prompt: UserMessage['content'] | undefined,
  { providers, turns, clock, logger, ended }: Generation,
): Promise<GeneratedAnswer> {
  const { signal: own, ...request } = checkedRequest(given, prompt)
  const { provider, model } = providers.resolve(request.model)
  const { signal, unlink } = linked(own === undefined ? [ended] : [own, ended], logger)
  try {
    const ask = () => provider.doStream({ tenant: defaultTenant, ...request, model }, { signal })
    const answer = await readAnswer(ask, { signal, turns, clock }, () => {})
    return { ...answer, text: textOf(answer.message) }
  } catch (thrown) {
    throw asProviderError(thrown, signal)
  } finally {
    unlink()
  }
}

/** Returns a signal that aborts with the first of `sources`. The sources may outlive many calls, so `unlink` removes the listeners. */
function linked(sources: readonly AbortSignal[], logger: Logger): { readonly signal: AbortSignal; readonly unlink: () => void } {
  const controller = guardedAbortController((error) => logger.log('error', 'generate.abort-listener', { error: describeError(error) }))
  const links = sources.map((source) => ({ source, onAbort: () => controller.abort(source.reason) }))
  for (const { source, onAbort } of links) {
    if (source.aborted) onAbort()
    else source.addEventListener('abort', onAbort, { once: true })
  }
  return {
    signal: controller.signal,
    unlink: () => {
      for (const { source, onAbort } of links) source.removeEventListener('abort', onAbort)
    },
  }
}

/** Returns a copy of the request with its prompt as the last message. Throws `invalid-option` or `invalid-message`. */
function checkedRequest(
  given: string | GenerateRequest,
  prompt: UserMessage['content'] | undefined,
): CompletionRequest & { readonly signal?: AbortSignal } {
  const request = readOptions('generate', typeof given === 'string' ? { model: given } : given)
  if (Object.hasOwn(request, 'prompt')) {
    const problem = 'generate: unknown option "prompt"; pass it as the second argument, or as the last of "messages"'
    throw new BeamClawError('invalid-option', problem, { details: { owner: 'generate', option: 'prompt' } })
  }
  checkOptions<GenerateRequest>('generate', request, { ...rules, signal: aSignal }, ['model'])
  const fail = failOf('generate')
  const messages = messagesOf(request.messages, fail)
  if (prompt !== undefined) {
    const content = newContentOf(prompt, 'prompt', fail)
    checkParts(content, 'prompt', fail)
    messages.push(...withoutReferences([{ role: 'user', content }], 'prompt', fail))
  }
  if (messages.length === 0) throw fail('a prompt or at least one of messages is needed')
  return { ...request, messages }
}

/** Returns a checked copy of what `running.complete` takes. Throws `invalid-option` or `invalid-message`. */
export function checkedCompletion(given: CompletionRequest): CompletionRequest {
  const request = readOptions('complete', given)
  checkOptions<CompletionRequest>('complete', request, completionRules, ['model', 'messages'])
  return { tenant: defaultTenant, ...request, messages: messagesOf(request.messages, failOf('complete')) }
}

function messagesOf(given: readonly Message[] = [], fail: Fail): Message[] {
  const messages = read(() => eachOf(given, 'messages', fail, messageOf), 'messages', fail)
  for (const [index, message] of messages.entries()) {
    for (const [place, content] of contentsOf(message).entries()) {
      checkParts(content, `messages[${index}].content${message.role === 'tool' ? `[${place}].content` : ''}`, fail)
    }
  }
  return withoutReferences(messages, 'messages', fail)
}

/** Throws `fail` for an image or a file that no service can read. */
function checkParts(content: ShownContent, path: string, fail: Fail): void {
  if (typeof content === 'string') return
  for (const [index, part] of content.entries()) {
    const problem = problemOfPart(part) ?? (bytesOfPart(part) === undefined ? noBase64 : undefined)
    if (problem !== undefined) throw fail(`${path}[${index}].${problem}`)
  }
}

/** A call without a session has no attachments. */
function withoutReferences(messages: Message[], path: string, fail: Fail): Message[] {
  if (!messages.some((message) => referencesIn(message).length > 0)) return messages
  throw fail(`${path} must hold the data of images and texts: "blob" refers to an attachment of a session`)
}

const rules = {
  model: modelRule,
  system: text(1_000_000),
  messages: anArray,
  tools: anArray,
  toolChoice: aToolChoice,
  maxOutputTokens: integer(1),
  temperature: aTemperature,
  topP: anything,
  stopSequences: anArray,
  thinking: oneOf('off', 'low', 'medium', 'high'),
  responseFormat: anObject,
  userId: text(),
  agent: text(64),
  tenant: text(64),
}

const anyString: OptionRule = (value) => (typeof value === 'string' ? undefined : 'a string')

/** A raw request passes on what the service takes; a model of no known provider is `unknown-model`. */
const completionRules = { ...rules, model: anyString, system: anyString, userId: anyString }

/** Returns the options of `complete`. Throws `invalid-option`. */
export function checkedSignal(given: { readonly signal?: AbortSignal }): { readonly signal?: AbortSignal } {
  const options = readOptions('complete', given)
  checkOptions<{ signal?: AbortSignal }>('complete', options, { signal: aSignal })
  return options
}
