/** What services refuse, so that a test meets the refusals that a user would meet. */
import { BeamClawError } from '@beamclaw/core'
import { describeValue } from '@beamclaw/core/adapter'
import type { ReceivedRequest, ScriptedError } from '../answer.ts'
import { refusesAnthropic } from './anthropic.ts'
import { deepSeek } from './deepseek.ts'
import { gemini } from './gemini.ts'
import { groq } from './groq.ts'
import { kimi } from './kimi.ts'
import { llamaCpp, lmStudio, ollama, vllm } from './local-servers.ts'
import { mistral } from './mistral.ts'
import { openAiChat } from './openai-chat.ts'
import { refusedByOpenAiResponses } from './openai-responses.ts'
import type { Refuses } from './refuses.ts'
import { xai } from './xai.ts'

/** OpenAI over either protocol. */
const openAi: Refuses = (request) => openAiChat(request) ?? refusedByOpenAiResponses(request)

/** The services whose refusals are known. */
export type DialectName = keyof typeof dialects

const dialects = {
  anthropic: refusesAnthropic,
  openai: openAi,
  azure: openAi,
  'openai-chat': openAiChat,
  'openai-responses': refusedByOpenAiResponses,
  deepseek: deepSeek,
  gemini,
  groq,
  kimi,
  'llama-cpp': llamaCpp,
  lmstudio: lmStudio,
  mistral,
  ollama,
  vllm,
  xai,
} as const satisfies Readonly<Record<string, Refuses>>

/** Throws `invalid-option` for a name that is none: a server that refuses nothing would let a test pass. */
export function checkDialect(name: unknown): void {
  if (name === undefined || (typeof name === 'string' && Object.hasOwn(dialects, name))) return
  const received = typeof name === 'string' ? JSON.stringify(name.slice(0, 99)) : describeValue(name)
  const problem = `The option "dialect" of a model server must be one of ${Object.keys(dialects).join(', ')}, received ${received}`
  throw new BeamClawError('invalid-option', problem, { details: { option: 'dialect' } })
}

/** Returns the refusal of a request by a service. */
export function refusalOf(name: DialectName | undefined, request: ReceivedRequest): ScriptedError | undefined {
  return name === undefined ? undefined : dialects[name](request)
}
