/** Options of the provider for the Responses API. */
import type { IdGenerator } from '@beamclaw/core'
import { anObjectWith, type OptionRules, oneOf, text } from '@beamclaw/core/adapter'
import { type HttpOptions, httpDefaults, httpOptionRules } from '../shared/http-options.ts'
import type { ReasoningSummary } from './to-responses-request.ts'

/**
 * Options of an `OpenAiResponsesProvider`. What is left out of `apiKey` and `baseUrl` is read from the environment, `OPENAI_API_KEY` and
 * `OPENAI_BASE_URL`; without them there is no key, and `baseUrl` is `https://api.openai.com/v1`.
 */
export interface OpenAiResponsesProviderOptions extends HttpOptions {
  /** Whether thinking comes with a summary to show. OpenAI gives one to verified organisations only, and refuses the request of others. @default 'none' */
  readonly reasoningSummary?: ReasoningSummary
  /** Keeps requests that begin alike on the servers that have their beginning cached; at most 64 characters. @default none */
  readonly promptCacheKey?: string
  /** Generates ids of tool calls for servers that send none. @default random */
  readonly ids?: IdGenerator
}

/** Defaults for `OpenAiResponsesProviderOptions`. */
export const openAiResponsesProviderDefaults = {
  ...httpDefaults,
  baseUrl: 'https://api.openai.com/v1',
  reasoningSummary: 'none',
} as const satisfies OpenAiResponsesProviderOptions

/** The rules for `OpenAiResponsesProviderOptions`. */
export const responsesOptionRules: OptionRules<OpenAiResponsesProviderOptions> = {
  ...httpOptionRules,
  reasoningSummary: oneOf('none', 'auto', 'concise', 'detailed'),
  promptCacheKey: text(),
  ids: anObjectWith('next'),
}
