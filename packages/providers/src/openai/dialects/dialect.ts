/** What differs between services that speak Chat Completions, as data: each service is one object, and each of its lines has a source. */
import type { JsonObject, ThinkingLevel } from '@beamclaw/core'
import type { ErrorCodeTable } from '../../shared/failure.ts'
import type { ModelFacts, ModelTable } from '../../shared/model-facts.ts'

/** The names of dialects, for the option `dialect`. */
export const chatDialectNames = [
  'openai',
  'azure',
  'openrouter',
  'deepseek',
  'kimi',
  'gemini',
  'xai',
  'mistral',
  'groq',
  'ollama',
  'vllm',
  'lmstudio',
  'llama-cpp',
  'generic',
] as const

/** A service, or a kind of server, that speaks Chat Completions in its own way. */
export type ChatDialectName = (typeof chatDialectNames)[number]

/** The fields of the body that ask for a level of thinking; null where the model has no such level. */
export type ThinkingFields = Readonly<Partial<Record<ThinkingLevel, JsonObject | null>>>

/** Settings of a request that some models refuse. */
export type RefusedSetting = 'temperature' | 'topP' | 'stopSequences' | 'userId'

/** Which forced choices of a tool a model takes: any, only "some tool" (`required`), or none. */
export type ForcedChoice = 'any' | 'required' | 'none'

/** Facts about one model that decide about a request. */
export interface ChatModelFacts extends ModelFacts {
  /** Override those of the dialect, level by level. */
  readonly levels?: ThinkingFields
  readonly refuses?: readonly RefusedSetting[]
  /** Refused, or ignored by the service, while the model thinks. */
  readonly refusesWhileThinking?: readonly RefusedSetting[]
  /** @default what the dialect says */
  readonly forcedWhileThinking?: ForcedChoice
  /** @default what the dialect says */
  readonly jsonWithTools?: boolean
  /** Whether the model takes tools here, and thinks beside them. @default 'always' */
  readonly tools?: 'always' | 'without-thinking' | 'never'
  /** Whether the service enforces strict schemas for this model. @default true */
  readonly strictSchemas?: boolean
  /** False for a model that reads text alone. @default what the dialect says */
  readonly images?: boolean
  /** Whether a call in the history needs a signature of this service. @default false */
  readonly signedCalls?: boolean
}

/**
 * How thinking goes back with the message that it belongs to: in a field of the message, where `needed` says that a message with calls must have one
 * while the model thinks, if need be an empty one; as parts of the content; or not at all.
 */
export type ReasoningReturn =
  | { readonly in: 'nothing' }
  | { readonly in: 'field'; readonly field: 'reasoning_content' | 'reasoning'; readonly isNeeded: boolean }
  | { readonly in: 'content' }

/** One dialect. */
export interface ChatDialect {
  readonly name: ChatDialectName
  /** The name of the service in errors. */
  readonly title: string
  /** Matches the host, port included, of addresses that speak it. */
  readonly hosts: RegExp | undefined
  /** The address when none is given. */
  readonly baseUrl: string | undefined
  /** The one origin that a key of the environment goes to, and that refuses calls without a key. */
  readonly ownOrigin: string | undefined
  /** A list of models that tells more than `/models`, asked for first; servers of other versions may not have it. */
  readonly modelList?: string
  /** Begins the names of the variables for the key and the address: `<prefix>_API_KEY`, `<prefix>_BASE_URL`. */
  readonly variables: string
  readonly keyHeader: 'authorization' | 'api-key'
  readonly maxTokensField: 'max_completion_tokens' | 'max_tokens'
  /** Asks for usage by `stream_options`. */
  readonly includeUsage: boolean
  readonly userField: 'user' | 'safety_identifier' | undefined
  /** Fields for the levels of models that are not in the table. `off` is sent only to models that are known to think and to be able not to. */
  readonly levels: ThinkingFields
  readonly models: ModelTable<ChatModelFacts>
  readonly reasoning: ReasoningReturn
  /** How one tool is forced: by an object with its name, or, where there is only `required`, by offering no other. */
  readonly namedChoice: 'object' | 'only-tool'
  /** False where the service ignores `tool_choice`. */
  readonly hasToolChoice: boolean
  /** Whether `tool_choice: 'auto'`, which is the default everywhere, is written out. */
  readonly sendsAuto: boolean
  readonly forcedWhileThinking: ForcedChoice
  /** False where images are refused, whatever the model. */
  readonly images: boolean
  /** False where images must come as data. */
  readonly imageUrls: boolean
  /** How a document goes that is no text; undefined where there is no way. */
  readonly files: 'file' | 'document_url' | undefined
  /** Which documents may come as an address in the place of their data. */
  readonly fileUrls: 'none' | 'pdf' | 'any'
  /** Which `response_format` the service has: by schema, any object, both or neither. `anyRoot`: whether a schema may be of something else than an object. */
  readonly json: { readonly schema: boolean; readonly object: boolean; readonly withTools: boolean; readonly anyRoot: boolean }
  /** Whether a prompt must say "JSON" for `response_format: json_object`. */
  readonly saysJson: boolean
  /** `nine` for ids of calls that must be nine letters and digits. */
  readonly callIds: 'any' | 'nine'
  /** Whether the tokens of thinking are counted within `completion_tokens` or beside them. */
  readonly reasoningTokens: 'inside' | 'beside'
  /** Whether thoughts come as content that is flagged, within tags. */
  readonly hasFlaggedThoughts: boolean
  readonly errors: ErrorCodeTable
}
