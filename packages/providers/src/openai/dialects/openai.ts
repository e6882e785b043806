/** api.openai.com over Chat Completions. Its newer models think and use tools together only over the Responses API. */
import type { JsonObject, ThinkingLevel } from '@beamclaw/core'
import { type OpenAiModelFacts, openAiModels } from '../../models/openai-models.ts'
import type { ModelTable } from '../../shared/model-facts.ts'
import type { ChatDialect, ChatModelFacts, RefusedSetting } from './dialect.ts'
import { generic } from './generic.ts'

const sampling: readonly RefusedSetting[] = ['temperature', 'topP']

/** Returns what OpenAI's facts mean for Chat Completions. */
function chatFactsOf({ efforts, sampling: takes, chatTools, ...facts }: OpenAiModelFacts): ChatModelFacts {
  const least = efforts[0]
  const levelOf = (level: ThinkingLevel): JsonObject | null => {
    if (least === undefined) return level === 'off' ? {} : null
    const wanted = level === 'off' ? least : level
    // A model with one level only has that one.
    const sent = efforts.includes(wanted as never) ? wanted : (efforts.find((effort) => effort !== 'none') ?? least)
    return { reasoning_effort: sent }
  }
  return {
    ...(facts.contextWindow === undefined ? {} : { contextWindow: facts.contextWindow }),
    ...(facts.maxOutputTokens === undefined ? {} : { maxOutputTokens: facts.maxOutputTokens }),
    ...(facts.price === undefined ? {} : { price: facts.price }),
    thinking: facts.thinking,
    levels: {
      // A model that thinks only when asked to needs not be told.
      off: facts.defaultEffort === 'none' ? {} : levelOf('off'),
      low: levelOf('low'),
      medium: levelOf('medium'),
      high: levelOf('high'),
    },
    ...(takes === 'never' ? { refuses: sampling } : takes === 'without-thinking' ? { refusesWhileThinking: sampling } : {}),
    tools: chatTools,
  }
}

const models: ModelTable<ChatModelFacts> = openAiModels.map(([id, facts]) => [id, chatFactsOf(facts)])

export const openai: ChatDialect = {
  ...generic,
  name: 'openai',
  title: 'OpenAI',
  hosts: /^api\.openai\.com$/,
  baseUrl: 'https://api.openai.com/v1',
  ownOrigin: 'https://api.openai.com',
  // `max_tokens` is refused by models that think: github.com/vercel/ai, packages/openai/src/__fixtures__ (2026-08)
  maxTokensField: 'max_completion_tokens',
  models,
  // Without the word `json_object` is refused.
  saysJson: true,
}

/** Azure OpenAI and Foundry. Deployments have names of the user's, so that facts are found only for those that are named as the model. */
export const azure: ChatDialect = {
  ...openai,
  name: 'azure',
  title: 'Azure OpenAI',
  // Recorded in github.com/vercel/ai, packages/azure/src/__fixtures__, and github.com/crmne/ruby_llm, spec/fixtures/vcr_cassettes (2026-08)
  hosts: /\.(?:openai\.azure\.com|services\.ai\.azure\.com|cognitiveservices\.azure\.com)$/,
  baseUrl: undefined,
  ownOrigin: undefined,
  variables: 'AZURE_OPENAI',
  keyHeader: 'api-key',
}
