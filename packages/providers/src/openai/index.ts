export type { FetchFunction, HttpOptions } from '../shared/http-options.ts'
export { OpenAiProvider, type OpenAiProviderOptions, openAiProviderDefaults } from './openai-provider.ts'
