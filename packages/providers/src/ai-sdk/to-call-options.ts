/** Converts a request to the options of one call of a model. */
import type { ProviderRequest, ProviderWarning, ToolChoice, ToolDeclaration } from '@beamclaw/core'
import { wellFormedJson } from '@beamclaw/core/adapter'
import type { AiSdkCallOptions, AiSdkModel, AiSdkServiceOptions, AiSdkTool, AiSdkToolChoice, AiSdkUrls } from './ai-sdk-model.ts'
import type { PromptTarget } from './to-file.ts'
import { toPrompt } from './to-prompt.ts'

/** Settings for the AI SDK's providers: the same for each call, or by the request. */
export type ProviderOptionsSource = AiSdkServiceOptions | ((request: ProviderRequest) => AiSdkServiceOptions)

/** What a call needs beside its request. */
export interface CallSetup {
  readonly service: string
  readonly providerOptions: ProviderOptionsSource | undefined
  readonly signal: AbortSignal
}

/** Resolves with the options of a call, and what was left out of it. */
export async function toCallOptions(
  request: ProviderRequest,
  model: AiSdkModel,
  { service, providerOptions: given, signal }: CallSetup,
): Promise<{ readonly options: AiSdkCallOptions; readonly warnings: readonly ProviderWarning[] }> {
  const version = model.specificationVersion
  const warnings: PromptTarget['warnings'] = new Map()
  const urls = hasUrls(request) ? await urlsOf(model) : {}
  const { maxOutputTokens, temperature, topP, stopSequences, responseFormat, thinking = 'off', tools = [], toolChoice } = request
  if (thinking !== 'off' && version === 'v3' && typeof given !== 'function') {
    const message =
      'Models of version 3 of the AI SDK have no common setting for thinking; the option "providerOptions" can set that of the service.'
    warnings.set('thinking', { setting: 'thinking', message })
  }
  const providerOptions = typeof given === 'function' ? given(request) : given
  const options: AiSdkCallOptions = {
    prompt: toPrompt(request, { service, version, urls, warnings }),
    abortSignal: signal,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stopSequences === undefined || stopSequences.length === 0 ? {} : { stopSequences: [...stopSequences] }),
    ...(responseFormat === undefined ? {} : { responseFormat: copyOf(responseFormat) }),
    // Without a level the model decides: many refuse to be told not to think.
    ...(thinking === 'off' || version === 'v3' ? {} : { reasoning: thinking }),
    ...(providerOptions === undefined ? {} : { providerOptions: copyOf(providerOptions) }),
    ...(tools.length === 0 ? {} : { tools: toTools(tools, model), toolChoice: toToolChoice(toolChoice ?? 'auto') }),
  }
  return { options, warnings: [...warnings.values()] }
}

/** Returns a copy of JSON: a model may change what it gets, and a lone surrogate would have it refused. */
function copyOf<T>(value: T): T {
  return JSON.parse(wellFormedJson(value) ?? 'null') as T
}

/**
 * Models of OpenAI's API take a schema for a strict one unless told otherwise, and then refuse most. Version 4 of the AI SDK's packages tells them, version 3
 * leaves it to the caller; other services may not know the field.
 */
function toTools(tools: readonly ToolDeclaration[], { specificationVersion, provider }: AiSdkModel): AiSdkTool[] {
  const strict = specificationVersion === 'v3' && /^(?:openai|azure)\b/.test(provider) ? { strict: false } : {}
  return tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    name,
    description,
    inputSchema: copyOf(inputSchema),
    ...strict,
  }))
}

function toToolChoice(choice: ToolChoice): AiSdkToolChoice {
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name }
}

function hasUrls({ messages }: ProviderRequest): boolean {
  return messages.some(({ role, content }) => {
    if (role === 'assistant' || typeof content === 'string') return false
    const parts = role === 'user' ? content : content.flatMap((result) => (typeof result.content === 'string' ? [] : result.content))
    return parts.some((part) => part.type !== 'text' && part.url !== undefined)
  })
}

/** Returns the patterns of a model; what is no pattern is left out. */
async function urlsOf(model: AiSdkModel): Promise<AiSdkUrls> {
  const given: unknown = await model.supportedUrls
  if (typeof given !== 'object' || given === null) return {}
  const entries = Object.entries(given).map(([type, patterns]: [string, unknown]) => {
    const list: readonly unknown[] = Array.isArray(patterns) ? patterns : []
    return [type, list.filter((pattern) => pattern instanceof RegExp)] as const
  })
  return Object.fromEntries(entries)
}
