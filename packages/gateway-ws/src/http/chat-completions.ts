/** `POST /v1/chat/completions`: a message to a durable session, or a stateless completion. */
import { type AgentDefinition, parseSessionKey, type RunningBeamClaw, sessionKeyParts } from '@beamclaw/core'
import type { Context } from 'hono'
import { measureJson } from '../json.ts'
import { check } from '../schema-check.ts'
import { lastUserContent } from './chat-input.ts'
import { type ChatRequest, chatRequest, countImages, countMessages, maxImages } from './chat-request.ts'
import { type CompletionHead, streamed, whole } from './completion-body.ts'
import type { HttpEnv } from './guard.ts'
import type { HttpAppOptions } from './http-app-options.ts'
import { badRequest } from './http-failure.ts'
import { inTurns } from './in-turns.ts'
import { jsonBody } from './json-body.ts'
import type { Piece } from './piece.ts'
import { sessionAnswer, wholeSessionAnswer } from './session-answer.ts'
import { statelessAnswer } from './stateless-answer.ts'
import { untilClosed } from './until-closed.ts'

export async function chatCompletions(context: Context<HttpEnv>, options: HttpAppOptions): Promise<Response> {
  const request = await readRequest(context, options)
  const head: CompletionHead = { id: `chatcmpl-${crypto.randomUUID()}`, created: Math.floor(options.now() / 1_000), model: request.model }
  const leaving = new AbortController()
  const pieces = await answerTo(context, options, request, AbortSignal.any([context.req.raw.signal, leaving.signal]))
  // Waits for the first piece, so that a failure before it still gets its own status.
  const iterator = inTurns(pieces[Symbol.asyncIterator](), options.turns, () => leaving.abort())
  const first = await iterator.next()
  const rest = { [Symbol.asyncIterator]: () => withFirst(first, iterator) }
  return request.stream === true
    ? streamed(context, head, rest, {
        includeUsage: request.stream_options?.include_usage === true,
        leave: () => leaving.abort(),
      })
    : whole(context, head, rest, options.turns)
}

async function readRequest(context: Context<HttpEnv>, { limits, turns }: HttpAppOptions): Promise<ChatRequest> {
  const { maxDepth, maxBodyValues: maxValues, maxMessages } = limits
  const value = await jsonBody(context, { limits, turns })
  if (countMessages(value) > maxMessages) {
    throw badRequest(`messages: more than ${maxMessages}, counting parts and tool calls`, 'too-many-values')
  }
  const parsed = check(chatRequest, value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw badRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`)
  }
  if (countImages(parsed.data) > maxImages) throw badRequest(`messages: more than ${maxImages} images`)
  checkArguments(parsed.data, maxDepth, maxValues)
  return parsed.data
}

/** Checks tool call arguments, which are JSON inside the JSON: all of them together must stay within the body's limits. */
function checkArguments({ messages }: ChatRequest, maxDepth: number, maxValues: number): void {
  let left = maxValues
  for (const message of messages) {
    for (const call of (message.role === 'assistant' && message.tool_calls) || []) {
      const measured = measureJson(call.function.arguments, { maxDepth, maxValues: left })
      if ('values' in measured) left -= measured.values
      else if (measured.problem === 'too-deep')
        throw badRequest(`tool_calls: arguments are nested deeper than ${maxDepth} levels`, 'too-deep')
      else throw badRequest(`tool_calls: arguments have more than ${maxValues} values in total`, 'too-many-values')
    }
  }
}

async function answerTo(
  context: Context<HttpEnv>,
  options: HttpAppOptions,
  request: ChatRequest,
  /** Aborts when the client disconnects. */
  signal: AbortSignal,
): Promise<AsyncIterable<Piece>> {
  const { claw, hub, closing, requests } = options
  const sessionKey = context.req.header('x-beamclaw-session-key')
  const agent = agentOf(claw, request.model)
  if (sessionKey === undefined) return requests.follow(undefined, async () => statelessAnswer(claw, request, agent, signal))
  const key = parseSessionKey(sessionKey)
  const { agentId } = sessionKeyParts(key)
  if (agent?.id !== agentId) {
    throw badRequest(
      `The session "${key}" belongs to another agent than the requested model: use the model "beamclaw/${agentId}"`,
      'agent-mismatch',
    )
  }
  if ((request.tools?.length ?? 0) > 0) {
    throw badRequest('tools: a session uses the tools of its agent; omit tools, or omit the session key', 'tools-in-session')
  }
  const content = lastUserContent(request)
  if (content === undefined) throw badRequest('messages: the last message must have the role "user"')
  const idempotencyKey = context.req.header('idempotency-key')
  const send = () => claw.session(key).send(content, idempotencyKey === undefined ? {} : { idempotencyKey })
  return requests.follow(key, async () => {
    if (request.stream === true) {
      const { run, live } = await hub.sendAndListen(key, send)
      context.header('x-beamclaw-run-id', run.runId)
      return untilClosed(sessionAnswer(run, live), closing, run.runId)
    }
    await hub.touch(key)
    const run = send()
    context.header('x-beamclaw-run-id', run.runId)
    return untilClosed(wholeSessionAnswer(run), closing, run.runId)
  })
}

/** Returns the agent that a model name refers to; undefined for the bare model. */
function agentOf(claw: RunningBeamClaw, model: string): AgentDefinition | undefined {
  if (model === 'beamclaw') return claw.agents[0]
  if (!model.startsWith('beamclaw/')) {
    const meant = claw.agents.find(({ id }) => id === model.toLowerCase())
    if (meant === undefined) return undefined
    throw badRequest(`There is no model "${model}"; to use the agent of that name, request "beamclaw/${meant.id}"`, 'unknown-model', 404)
  }
  const id = model.slice('beamclaw/'.length).toLowerCase()
  const agent = claw.agents.find((candidate) => candidate.id === id)
  if (agent === undefined) throw badRequest(`There is no agent "${id.slice(0, 64)}"`, 'unknown-agent', 404)
  return agent
}

async function* withFirst<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
