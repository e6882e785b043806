/** What servers on one's own machine refuse. The words about parts of a content that Ollama and LM Studio do not take, and llama.cpp's about `tool_choice`, are made up. */
import type { JsonValue } from '@beamclaw/core'
import type { ScriptedError } from '../answer.ts'
import { type ChatBody, chatBodyOf, refused } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

/** The parts of all contents that are lists. */
function partsOf({ messages }: ChatBody): readonly { readonly type?: unknown; readonly image_url?: { readonly url?: unknown } }[] {
  return messages.flatMap(({ content }) => (Array.isArray(content) ? (content as readonly { readonly type?: unknown }[]) : []))
}

function hasImageUrl(body: ChatBody): boolean {
  return partsOf(body).some(({ image_url }) => image_url !== undefined && !String(image_url.url).startsWith('data:'))
}

/** github.com/ollama/ollama, openai/openai.go (2026-08). */
export const ollama: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  if (hasImageUrl(body)) return refused('image URLs are not currently supported, please use base64 encoded data instead')
  const other = partsOf(body).find(({ type }) => type !== 'text' && type !== 'image_url')
  return other === undefined ? undefined : refused('invalid message format')
}

/** github.com/vllm-project/vllm, vllm/entrypoints/openai/chat_completion/protocol.py, at 002032ee (2026-08). */
export const vllm: Refuses = (request) => {
  const body = chatBodyOf(request)
  const bad = (message: string, param: string): ScriptedError => refused(message, { type: 'BadRequestError', param, code: 400 })
  if (body?.tools?.length === 0)
    return bad('`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.', 'tools')
  if (body?.tool_choice !== undefined && body.tools === undefined)
    return bad('When using `tool_choice`, `tools` must be set.', 'tool_choice')
  return undefined
}

/** github.com/lmstudio-ai/docs (2026-04), and what 0.4.20 answers. Errors are plain texts. */
export const lmStudio: Refuses = (request) => {
  const body = chatBodyOf(request)
  const plain = (error: string): ScriptedError => ({ status: 400, body: { error } })
  if (body === undefined) return undefined
  if (typeof body.tool_choice === 'object')
    return plain("Invalid tool_choice type: 'object'. Supported string values: none, auto, required")
  const { type } = (body.response_format ?? { type: 'text' }) as { readonly type?: JsonValue }
  if (type !== 'json_schema' && type !== 'text') return plain("'response_format.type' must be 'json_schema' or 'text'")
  return hasImageUrl(body) ? plain("'image_url' must be a base64 encoded image") : undefined
}

/** github.com/ggml-org/llama.cpp, tools/server/server-common.cpp, at 006639c3 (2026-08). */
export const llamaCpp: Refuses = (request) => {
  const body = chatBodyOf(request)
  const own = (message: string, status = 400): ScriptedError => ({
    status,
    body: { error: { code: status, message, type: 'invalid_request_error' } },
  })
  if (body === undefined) return undefined
  const other = partsOf(body).find(({ type }) => type !== 'text' && type !== 'image_url' && type !== 'input_audio')
  if (other !== undefined) return own('unsupported content[].type')
  if (body.messages.some(({ role, content, tool_calls }) => role === 'assistant' && content === undefined && tool_calls === undefined))
    return own("Assistant message must contain either 'content' or 'tool_calls'!")
  return typeof body.tool_choice === 'object' ? own('tool_choice must be a string', 500) : undefined
}
