export {
  type AiSdkEmbeddingModel,
  type AiSdkModel,
  AiSdkProvider,
  type AiSdkProviderOptions,
  aiSdkProviderDefaults,
} from './ai-sdk/index.ts'
export {
  AnthropicProvider,
  type AnthropicProviderOptions,
  anthropicProviderDefaults,
  type FetchFunction,
  type HttpOptions,
  type ThinkingBudgets,
  type ThinkingMode,
} from './anthropic/index.ts'
export { DemoProvider, type DemoProviderOptions, demoProviderDefaults } from './demo/index.ts'
export {
  type ChatDialectName,
  chatDialectNames,
  type OpenAiApi,
  OpenAiChatProvider,
  type OpenAiChatProviderOptions,
  OpenAiProvider,
  type OpenAiProviderOptions,
  openAiProviderDefaults,
} from './openai/index.ts'
export {
  OpenAiResponsesProvider,
  type OpenAiResponsesProviderOptions,
  openAiResponsesProviderDefaults,
  type ReasoningSummary,
} from './openai-responses/index.ts'
