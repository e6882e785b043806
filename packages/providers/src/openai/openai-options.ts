/** Options of the providers for OpenAI's protocols. */
import type { IdGenerator } from '@beamclaw/core'
import { aBoolean, anObjectWith, type OptionRules, oneOf } from '@beamclaw/core/adapter'
import { type OpenAiResponsesProviderOptions, responsesOptionRules } from '../openai-responses/responses-options.ts'
import { type HttpOptions, httpDefaults, httpOptionRules } from '../shared/http-options.ts'
import { type ChatDialectName, chatDialectNames } from './dialects/dialect.ts'

/**
 * Options of an `OpenAiChatProvider`. The dialect tells what differs between services; the other options are for servers that it does not know. What is
 * left out of `apiKey` and `baseUrl` is read from the environment: `OPENAI_API_KEY` and `OPENAI_BASE_URL`, or, with the dialect of another service,
 * the variables of that, such as `DEEPSEEK_API_KEY`.
 */
export interface OpenAiChatProviderOptions extends HttpOptions {
  /**
   * The service whose protocol is spoken; it has a `baseUrl` of its own, except for `azure` and `generic`. @default by the host of `baseUrl`; `generic` for an
   * unknown one
   */
  readonly dialect?: ChatDialectName
  /** The field for the output limit. @default what the dialect has; 'max_tokens' for an unknown one */
  readonly maxTokensField?: 'max_completion_tokens' | 'max_tokens'
  /** Requests usage at the end of the stream; set to false for servers that refuse `stream_options`. @default true, where the dialect has the field */
  readonly includeUsage?: boolean
  /** The field of assistant messages in which earlier thinking is sent back, for servers that require it. @default what the dialect wants; none for an unknown one */
  readonly reasoningField?: 'reasoning_content' | 'reasoning'
  /** Takes `<think>…</think>` at the beginning of an answer for thinking, for models whose server does not separate it. @default false */
  readonly splitThink?: boolean
  /** Generates ids of tool calls for servers that send none. @default random */
  readonly ids?: IdGenerator
}

/** Options of an `OpenAiProvider`: those of both protocols. */
export interface OpenAiProviderOptions extends OpenAiChatProviderOptions, Pick<OpenAiResponsesProviderOptions, ResponsesOption> {
  /**
   * Which of OpenAI's two protocols is spoken: `responses`, outside of which its newer models do not think beside tools, or `chat`, which most other services
   * have alone. An option that the other protocol has throws `invalid-option`. @default 'responses' at api.openai.com, else 'chat'
   */
  readonly api?: OpenAiApi
}

/** OpenAI's protocols. */
export type OpenAiApi = 'chat' | 'responses'

type ResponsesOption = 'reasoningSummary' | 'promptCacheKey'

/** Defaults for `OpenAiProviderOptions`; `api` is 'chat' at other addresses. */
export const openAiProviderDefaults = {
  ...httpDefaults,
  api: 'responses',
  baseUrl: 'https://api.openai.com/v1',
  includeUsage: true,
  splitThink: false,
} as const satisfies OpenAiProviderOptions

/** The rules for `OpenAiChatProviderOptions`. */
export const chatOptionRules: OptionRules<OpenAiChatProviderOptions> = {
  ...httpOptionRules,
  dialect: oneOf(...chatDialectNames),
  maxTokensField: oneOf('max_completion_tokens', 'max_tokens'),
  includeUsage: aBoolean,
  reasoningField: oneOf('reasoning_content', 'reasoning'),
  splitThink: aBoolean,
  ids: anObjectWith('next'),
}

/** The rules for `OpenAiProviderOptions`. */
export const openAiOptionRules: OptionRules<OpenAiProviderOptions> = {
  ...responsesOptionRules,
  ...chatOptionRules,
  api: oneOf('chat', 'responses'),
}

/** The options that only one of the protocols has. */
export const optionsOfOne: Readonly<Record<OpenAiApi, readonly (keyof OpenAiProviderOptions)[]>> = {
  chat: ['maxTokensField', 'includeUsage', 'reasoningField', 'splitThink'],
  responses: ['reasoningSummary', 'promptCacheKey'],
}
