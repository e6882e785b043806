/** What services refuse, so that a test meets the refusals that a user would meet. */
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

/** The services whose refusals are known. */
export type DialectName = keyof typeof dialects

const dialects = {
  anthropic: refusesAnthropic,
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

/** Returns the refusal of a request by a service. */
export function refusalOf(name: DialectName | undefined, request: ReceivedRequest): ScriptedError | undefined {
  return name === undefined ? undefined : (dialects as Readonly<Record<string, Refuses>>)[name]?.(request)
}
