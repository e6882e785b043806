/** All dialects, and which one an address speaks. */
import { deepseek } from './deepseek.ts'
import type { ChatDialect, ChatDialectName } from './dialect.ts'
import { gemini } from './gemini.ts'
import { generic } from './generic.ts'
import { groq } from './groq.ts'
import { kimi } from './kimi.ts'
import { llamaCpp, lmstudio, ollama, vllm } from './local.ts'
import { mistral } from './mistral.ts'
import { azure, openai } from './openai.ts'
import { openrouter } from './openrouter.ts'
import { xai } from './xai.ts'

/** Every dialect, by its name. */
export const dialects: Readonly<Record<ChatDialectName, ChatDialect>> = {
  openai,
  azure,
  openrouter,
  deepseek,
  kimi,
  gemini,
  xai,
  mistral,
  groq,
  ollama,
  vllm,
  lmstudio,
  'llama-cpp': llamaCpp,
  generic,
}

/** Returns the dialect of an address, by its host; the generic one for a host that nothing is known about. */
export function dialectAt(url: string): ChatDialect {
  const { host } = new URL(url)
  return Object.values(dialects).find(({ hosts }) => hosts?.test(host) === true) ?? generic
}
