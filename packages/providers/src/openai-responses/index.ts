export type { FetchFunction, HttpOptions } from '../shared/http-options.ts'
export {
  OpenAiResponsesProvider,
  type OpenAiResponsesProviderOptions,
  openAiResponsesProviderDefaults,
} from './openai-responses-provider.ts'
export type { ReasoningSummary } from './to-responses-request.ts'
