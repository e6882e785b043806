/** `POST /v1/chat/completions`: a message to a durable session, or a question that leaves nothing behind. */
import type { FinishReason, ProviderPart, RunningBeamClaw, RunStream, Usage } from '@beamclaw/core'
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { type ChatRequest, chatRequest, lastUserContent, toMessages } from './chat-request.ts'
import { failureBody, HttpFailure, toFailure } from './http-failure.ts'

/** One answer, whichever way it is made. */
interface Piece {
  readonly text?: string
  readonly finish?: FinishReason
  readonly usage?: Usage
}

const finishReasons: Record<FinishReason, string> = {
  stop: 'stop',
  'tool-calls': 'tool_calls',
  length: 'length',
  'content-filter': 'content_filter',
  other: 'stop',
}

export async function chatCompletions(context: Context, claw: RunningBeamClaw, now: () => number): Promise<Response> {
  const request = await readRequest(context)
  const head = { id: `chatcmpl-${crypto.randomUUID()}`, created: Math.floor(now() / 1000), model: request.model }
  const pieces = answerTo(context, claw, request)
  // The first piece is waited for, so that a failure before it still has its own status.
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  const rest = { [Symbol.asyncIterator]: () => withFirst(first, iterator) }
  return request.stream === true
    ? streamed(context, head, rest, request.stream_options?.include_usage === true)
    : whole(context, head, rest)
}

async function readRequest(context: Context): Promise<ChatRequest> {
  let body: unknown
  try {
    body = await context.req.json()
  } catch {
    throw new HttpFailure(400, 'invalid_request_error', 'invalid_json', 'The body is not valid JSON')
  }
  const parsed = chatRequest.safeParse(body)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new HttpFailure(
    400,
    'invalid_request_error',
    'invalid_request',
    `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`,
  )
}

function answerTo(context: Context, claw: RunningBeamClaw, request: ChatRequest): AsyncIterable<Piece> {
  const sessionKey = context.req.header('x-beamclaw-session-key')
  if (sessionKey === undefined) return stateless(claw, request, context.req.raw.signal)
  const content = lastUserContent(request)
  if (content === undefined)
    throw new HttpFailure(400, 'invalid_request_error', 'invalid_request', 'messages: the last one must come from the user')
  const idempotencyKey = context.req.header('idempotency-key')
  return fromRun(claw.session(sessionKey).send(content, idempotencyKey === undefined ? {} : { idempotencyKey }))
}

async function* stateless(claw: RunningBeamClaw, request: ChatRequest, signal: AbortSignal): AsyncGenerator<Piece> {
  const { system, messages } = toMessages(request)
  const agent = agentOf(claw, request.model)
  const prompt = [agent?.system, system].filter((text) => text !== undefined).join('\n\n')
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens
  const parts: AsyncIterable<ProviderPart> = claw.ask(
    {
      model: agent?.model ?? request.model,
      messages,
      ...(prompt === '' ? {} : { system: prompt }),
      ...(request.temperature == null ? {} : { temperature: request.temperature }),
      ...(request.top_p == null ? {} : { topP: request.top_p }),
      ...(maxOutputTokens == null ? {} : { maxOutputTokens }),
    },
    { signal },
  )
  for await (const part of parts) {
    if (part.type === 'text-delta') yield { text: part.text }
    if (part.type === 'finish') yield { finish: part.reason, usage: part.usage }
  }
}

async function* fromRun(run: RunStream): AsyncGenerator<Piece> {
  let wasTold = false
  for await (const event of run) {
    if (event.type !== 'text-delta') continue
    wasTold = true
    yield { text: event.text }
  }
  const { text, finish, usage } = await run.result()
  // A repeated message gets the answer of the first run, which nobody streams any more.
  if (!wasTold && text !== '') yield { text }
  yield { finish: finish ?? 'stop', usage }
}

function agentOf(claw: RunningBeamClaw, model: string) {
  if (model === 'beamclaw') return claw.agents[0]
  if (!model.startsWith('beamclaw/')) return undefined
  const id = model.slice('beamclaw/'.length).toLowerCase()
  const agent = claw.agents.find((candidate) => candidate.id === id)
  if (agent === undefined) throw new HttpFailure(404, 'invalid_request_error', 'unknown-agent', `There is no agent "${id.slice(0, 64)}"`)
  return agent
}

async function whole(context: Context, head: object, pieces: AsyncIterable<Piece>): Promise<Response> {
  let text = ''
  let last: Piece = {}
  for await (const piece of pieces) {
    text += piece.text ?? ''
    if (piece.finish !== undefined) last = piece
  }
  const message = { role: 'assistant', content: text, refusal: null }
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReasons[last.finish ?? 'stop'] }
  return context.json({ ...head, object: 'chat.completion', choices: [choice], usage: usageBody(last.usage) })
}

function streamed(context: Context, head: object, pieces: AsyncIterable<Piece>, includeUsage: boolean): Response {
  return streamSSE(context, async (stream) => {
    const send = (body: object): Promise<void> =>
      stream.writeSSE({ data: JSON.stringify({ ...head, object: 'chat.completion.chunk', ...body }) })
    const chunk = (delta: object, finish: string | null = null): Promise<void> =>
      send({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
    try {
      await chunk({ role: 'assistant', content: '' })
      for await (const piece of pieces) {
        if (piece.text !== undefined) await chunk({ content: piece.text })
        if (piece.finish !== undefined) await chunk({}, finishReasons[piece.finish])
        if (piece.usage !== undefined && includeUsage) await send({ choices: [], usage: usageBody(piece.usage) })
      }
    } catch (error) {
      await stream.writeSSE({ data: JSON.stringify(failureBody(toFailure(error))) })
    }
    await stream.writeSSE({ data: '[DONE]' })
  })
}

function usageBody(usage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }): object {
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.outputTokens,
    total_tokens: prompt + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens },
  }
}

async function* withFirst<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
