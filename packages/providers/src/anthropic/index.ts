export type { FetchFunction, HttpOptions } from '../shared/http-options.ts'
export { AnthropicProvider, type AnthropicProviderOptions, anthropicProviderDefaults } from './anthropic-provider.ts'
export type { ThinkingBudgets, ThinkingMode } from './thinking.ts'
