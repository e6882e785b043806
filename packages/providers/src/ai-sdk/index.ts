export type {
  AiSdkEmbeddingModel,
  AiSdkModel,
} from './ai-sdk-model.ts'
export { AiSdkProvider, type AiSdkProviderOptions, aiSdkProviderDefaults } from './ai-sdk-provider.ts'
