export type { FetchFunction, HttpOptions } from '../shared/http-options.ts'
export { OpenAiResponsesProvider } from './openai-responses-provider.ts'
export { type OpenAiResponsesProviderOptions, openAiResponsesProviderDefaults } from './responses-options.ts'
export type { ReasoningSummary } from './to-responses-request.ts'
