/** What services tell of their models, in words of their own. */
import type { ModelInfo, ModelPrice } from '@beamclaw/core'
import { type ChatStyle, chatFactsOf } from './chat-style.ts'
import type { OpenAiListedModel } from './openai-api.ts'

/** Returns one model: what the service tells of it, what the table knows beside, and above both what the user says. */
export function toModelInfo(listed: OpenAiListedModel, style: ChatStyle): ModelInfo {
  // Google's ids begin with their kind.
  const id = style.dialect.name === 'gemini' ? listed.id.replace(/^models\//, '') : listed.id
  const { contextWindow, maxOutputTokens, price, thinking } = chatFactsOf(style, id)
  const own = Object.hasOwn(style.models, id) ? style.models[id] : undefined
  return definedOnly({
    id,
    contextWindow: own?.contextWindow ?? windowOf(listed) ?? contextWindow,
    maxOutputTokens: own?.maxOutputTokens ?? outputOf(listed) ?? maxOutputTokens,
    price: own?.price ?? priceOf(listed) ?? price,
    thinking: own?.thinking ?? thinking,
  })
}

function definedOnly(model: { readonly [K in keyof ModelInfo]: ModelInfo[K] | undefined } & { readonly id: string }): ModelInfo {
  return Object.fromEntries(Object.entries(model).filter(([, value]) => value !== undefined)) as unknown as ModelInfo
}

/**
 * `context_length` is OpenRouter's, Kimi's and xAI's, `max_model_len` is vLLM's, `context_window` Groq's, `max_context_length` Mistral's and LM Studio's, which
 * also tells with how much of it a model was loaded.
 */
function windowOf(listed: OpenAiListedModel): number | undefined {
  const { context_length, max_model_len, context_window, loaded_context_length, max_context_length } = listed
  return positive(context_length ?? max_model_len ?? context_window ?? loaded_context_length ?? max_context_length)
}

function outputOf({ top_provider, max_completion_tokens }: OpenAiListedModel): number | undefined {
  return positive(top_provider?.max_completion_tokens ?? max_completion_tokens)
}

/** OpenRouter's prices are texts, in US dollars for one token; negative ones stand for "it depends". */
function priceOf({ pricing }: OpenAiListedModel): ModelPrice | undefined {
  const input = perMillion(pricing?.prompt)
  const output = perMillion(pricing?.completion)
  if (input === undefined || output === undefined) return undefined
  const cacheRead = perMillion(pricing?.input_cache_read)
  const cacheWrite = perMillion(pricing?.input_cache_write)
  return { input, output, ...(cacheRead === undefined ? {} : { cacheRead }), ...(cacheWrite === undefined ? {} : { cacheWrite }) }
}

function perMillion(amount: string | number | null | undefined): number | undefined {
  if (amount === undefined || amount === null || amount === '') return undefined
  const dollars = Number(amount)
  // Rounded to a billionth of a dollar: 0.0000003 * 1e6 is not quite 0.3.
  return Number.isFinite(dollars) && dollars >= 0 ? Math.round(dollars * 1e15) / 1e9 : undefined
}

function positive(value: number | null | undefined): number | undefined {
  return value !== undefined && value !== null && Number.isFinite(value) && value > 0 ? value : undefined
}
