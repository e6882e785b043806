/** Response bodies in the shape of OpenAI's API: whole, or in chunks. */
import { type FinishReason, type Usage, zeroUsage } from '@beamclaw/core'
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Turns } from '../turns.ts'
import type { HttpEnv } from './guard.ts'
import { failureBody, toFailure } from './http-failure.ts'
import type { Piece } from './piece.ts'

/** The fields that every chunk of a response repeats. */
export interface CompletionHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

const finishReasons: Record<FinishReason, string> = {
  stop: 'stop',
  'tool-calls': 'tool_calls',
  length: 'length',
  'content-filter': 'content_filter',
  other: 'stop',
}

export async function whole(
  context: Context<HttpEnv>,
  head: CompletionHead,
  pieces: AsyncIterable<Piece>,
  turns: Turns,
): Promise<Response> {
  let text = ''
  let finish: FinishReason = 'stop'
  let usage = zeroUsage
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] = []
  for await (const piece of pieces) {
    switch (piece.type) {
      case 'text':
        text += piece.text
        break
      case 'tool-call-start':
        calls[piece.index] = { id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }
        break
      case 'tool-call-delta': {
        const call = calls[piece.index]
        if (call !== undefined) call.function.arguments += piece.inputText
        break
      }
      case 'end':
        text = piece.text ?? text
        finish = piece.finish
        usage = piece.usage
    }
  }
  const content = text === '' && calls.length > 0 ? null : text
  const message = { role: 'assistant', content, refusal: null, ...(calls.length === 0 ? {} : { tool_calls: calls }) }
  await turns.nextFor(text.length)
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReasons[finish] }
  return context.json({ ...head, object: 'chat.completion', choices: [choice], usage: usageBody(usage) })
}

export interface StreamedOptions {
  readonly includeUsage: boolean
  /** Called when the client has disconnected. */
  readonly leave: () => void
}

export function streamed(
  context: Context<HttpEnv>,
  head: CompletionHead,
  pieces: AsyncIterable<Piece>,
  { includeUsage, leave }: StreamedOptions,
): Response {
  return streamSSE(context, async (stream) => {
    stream.onAbort(leave)
    const write = (data: object): Promise<void> => stream.writeSSE({ data: JSON.stringify(data) })
    const send = (body: object): Promise<void> => write({ ...head, object: 'chat.completion.chunk', ...body })
    const chunk = (delta: object, finish: string | null = null): Promise<void> =>
      send({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
    try {
      await chunk({ role: 'assistant', content: '' })
      for await (const piece of pieces) {
        // The client has disconnected: leaving the loop ends the work that is only for this reader.
        if (stream.aborted) return
        if (piece.type !== 'end') await chunk(deltaOf(piece))
        else {
          await chunk({}, finishReasons[piece.finish])
          if (includeUsage) await send({ choices: [], usage: usageBody(piece.usage) })
        }
      }
    } catch (error) {
      await write(failureBody(toFailure(error)))
    }
    await stream.writeSSE({ data: '[DONE]' })
  })
}

function deltaOf(piece: Exclude<Piece, { type: 'end' }>): object {
  switch (piece.type) {
    case 'text':
      return { content: piece.text }
    case 'tool-call-start':
      return { tool_calls: [{ index: piece.index, id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }] }
    case 'tool-call-delta':
      return { tool_calls: [{ index: piece.index, function: { arguments: piece.inputText } }] }
  }
}

function usageBody(usage: Usage): object {
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.outputTokens,
    total_tokens: prompt + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens },
  }
}
