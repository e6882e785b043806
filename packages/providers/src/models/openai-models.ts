/**
 * What is known of OpenAI's models. Each line names its source and the day on which that said so:
 * - MD: github.com/anomalyco/models.dev, providers/openai/models, at f3fc692 (2026-07-02)
 * - PA: github.com/pydantic/pydantic-ai, pydantic_ai_slim/pydantic_ai/profiles/openai.py, at 4fda389 (2026-08-22), tried against the service in 2026-07
 * - DOC: developers.openai.com/api/docs/models and /pricing, as quoted by the page that is named
 *
 * Prices are those up to 272000 input tokens; above, OpenAI charges more for the whole request.
 */
import type { ModelFacts, ModelTable } from '../shared/model-facts.ts'

/** How much a model thinks, in OpenAI's words, from nothing to most. */
export const openAiEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const

/** One of OpenAI's levels of effort. */
export type OpenAiEffort = (typeof openAiEfforts)[number]

/** When a model takes a feature: always, only while it does not think, or never. */
export type OpenAiAllowance = 'always' | 'without-thinking' | 'never'

/** Facts about one of OpenAI's models; every line of the table has all of those that decide about a request. */
export interface OpenAiModelFacts extends ModelFacts {
  readonly thinking: 'never' | 'optional' | 'always'
  /** The levels that the model takes, from the least to the most; empty where it takes none. */
  readonly efforts: readonly OpenAiEffort[]
  /** The level when none is asked for; `none` for a model that thinks only when asked to. */
  readonly defaultEffort: OpenAiEffort
  /** Whether it takes `temperature` and `top_p`. */
  readonly sampling: OpenAiAllowance
  /** Whether it takes tools over Chat Completions; over Responses every model of the table that has tools does. */
  readonly chatTools: OpenAiAllowance
}

type Behaviour = Pick<OpenAiModelFacts, 'thinking' | 'efforts' | 'defaultEffort' | 'sampling' | 'chatTools'>
type Limits = Pick<OpenAiModelFacts, 'contextWindow' | 'maxOutputTokens'>

const upTo = (first: OpenAiEffort, last: OpenAiEffort): readonly OpenAiEffort[] =>
  openAiEfforts.slice(openAiEfforts.indexOf(first), openAiEfforts.indexOf(last) + 1)

const noneAnd = (last: OpenAiEffort): readonly OpenAiEffort[] => ['none', ...upTo('low', last)]

// From 5.4 on, Chat Completions refuses tools beside thinking: github.com/BerriAI/litellm/issues/34569 (2026-07), and 5.6 thinks unless told otherwise.
const plain: Behaviour = { thinking: 'never', efforts: [], defaultEffort: 'none', sampling: 'always', chatTools: 'always' }
const whenAsked: Behaviour = {
  thinking: 'optional',
  efforts: noneAnd('high'),
  defaultEffort: 'none',
  sampling: 'without-thinking',
  chatTools: 'always',
}
const always: Behaviour = {
  thinking: 'always',
  efforts: upTo('low', 'high'),
  defaultEffort: 'medium',
  sampling: 'never',
  chatTools: 'always',
}
const byDefault: Behaviour = {
  thinking: 'optional',
  efforts: noneAnd('max'),
  defaultEffort: 'medium',
  sampling: 'without-thinking',
  chatTools: 'without-thinking',
}

const first5: Behaviour = { ...always, efforts: upTo('minimal', 'high') }
const fixed: Behaviour = { ...always, efforts: ['medium'] }
const pro: Behaviour = { ...always, efforts: upTo('medium', 'xhigh'), chatTools: 'never' }
const asked52: Behaviour = { ...whenAsked, efforts: noneAnd('xhigh') }
const asked54: Behaviour = { ...asked52, chatTools: 'without-thinking' }
const default55: Behaviour = { ...byDefault, efforts: noneAnd('xhigh') }
const always6: Behaviour = { ...always, efforts: upTo('low', 'max'), chatTools: 'never' }

const large: Limits = { contextWindow: 1_050_000, maxOutputTokens: 128_000 }
const middle: Limits = { contextWindow: 400_000, maxOutputTokens: 128_000 }
const chat: Limits = { contextWindow: 128_000, maxOutputTokens: 16_384 }
const oSeries: Limits = { contextWindow: 200_000, maxOutputTokens: 100_000 }
const gpt41: Limits = { contextWindow: 1_047_576, maxOutputTokens: 32_768 }

/** One model by its whole id, with or without the day of its version. */
function model(id: string, behaviour: Behaviour, limits: Limits, ...prices: Prices): readonly [RegExp, OpenAiModelFacts] {
  return [
    new RegExp(`^(?:openai/)?${id.replaceAll('.', '\\.')}(?:-\\d{4}-\\d{2}-\\d{2})?$`),
    { ...behaviour, ...limits, price: priceOf(prices) },
  ]
}

/** Models whose id begins so: how they behave is known of the family, limits and prices are not. */
function family(beginning: string, behaviour: Behaviour): readonly [RegExp, OpenAiModelFacts] {
  return [new RegExp(`^(?:openai/|ft:)?${beginning}`), behaviour]
}

type Prices = readonly [input: number, output: number, cacheRead?: number, cacheWrite?: number, longCacheWrite?: number]

function priceOf([input, output, cacheRead, cacheWrite, longCacheWrite]: Prices): NonNullable<ModelFacts['price']> {
  return {
    input,
    output,
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
    ...(longCacheWrite === undefined ? {} : { longCacheWrite }),
  }
}

/** Facts about OpenAI's models, by their ids at OpenAI or at OpenRouter. The models of other makers are not in it. */
export const openAiModels: ModelTable<OpenAiModelFacts> = [
  model('gpt-6.2-astra', always6, large, 8, 40, 0.4, 10), // github.com/BerriAI/litellm/discussions/52347, 2026-11-17; apidog.com/blog/gpt-6-2-astra-api, 2026-11-18
  model('gpt-6.2-sol', always6, large, 2, 10, 0.1, 2.5, 5), // DOC gpt-6.2-sol.md, 2026-11; github.com/BerriAI/litellm/discussions/52347, 2026-11-17
  model('gpt-6.1-sol', always6, large, 2, 10, 0.1), // DOC models (ko-KR), 2026-11
  model('gpt-6.1-terra', byDefault, large, 1, 5, 0.05, 1.25), // docs.litellm.ai/blog/gpt-6-1-terra, 2026-10-26; DOC models (ko-KR), 2026-11
  model('gpt-6-astra', always6, large, 10, 50, 1, 12.5), // github.com/prefect12/codex-token-meter/releases/tag/v0.2.22, 2026-09-05; docs.litellm.ai/blog/gpt_6_astra, 2026-09
  model('gpt-6-sol', byDefault, large, 2, 10, 0.2, 2.5), // DOC gpt-6-sol.md, 2026-09; docs.litellm.ai/blog/gpt_6_sol_luna, 2026-09-22
  model('gpt-6-luna', byDefault, large, 0.1, 0.5), // docs.litellm.ai/blog/gpt_6_sol_luna, 2026-09-22
  model('gpt-5.6(?:-sol)?', byDefault, large, 4, 20, 0.4), // docs.apiyi.com/models, 2026-11; DOC models (zh-Hans), 2026-09; PA
  model('gpt-5.6-terra', byDefault, large, 2, 12, 0.2), // docs.apiyi.com/models, 2026-11; DOC models (zh-Hans), 2026-09; PA
  model('gpt-5.6-luna', byDefault, large, 0.2, 1.2, 0.02), // docs.apiyi.com/models, 2026-11; DOC models (zh-Hans), 2026-09; PA
  model('gpt-5.5-pro', pro, large, 30, 180), // MD, PA
  model('gpt-5.5', default55, large, 5, 30, 0.5), // MD, PA
  model('gpt-5.4-pro', pro, large, 30, 180), // MD, PA
  model('gpt-5.4', asked54, large, 2.5, 15, 0.25), // MD, PA
  model('gpt-5.4-mini', asked54, middle, 0.75, 4.5, 0.075), // MD, PA
  model('gpt-5.4-nano', asked54, middle, 0.2, 1.25, 0.02), // MD, PA
  model('gpt-5.3-chat-latest', fixed, chat, 1.75, 14, 0.175), // MD, PA
  model('gpt-5.3-codex-spark', asked52, { contextWindow: 128_000, maxOutputTokens: 32_000 }, 1.75, 14, 0.175), // MD, PA
  model('gpt-5.3-codex', asked52, middle, 1.75, 14, 0.175), // MD, PA
  model('gpt-5.2-pro', pro, middle, 21, 168), // MD, PA
  model('gpt-5.2-chat-latest', fixed, chat, 1.75, 14, 0.175), // MD, PA
  model('gpt-5.2(?:-codex)?', asked52, middle, 1.75, 14, 0.175), // MD, PA
  model('gpt-5.1-codex-max', { ...always, efforts: upTo('low', 'xhigh') }, middle, 1.25, 10, 0.125), // MD, PA
  model('gpt-5.1-codex-mini', always, middle, 0.25, 2, 0.025), // MD, PA
  model('gpt-5.1-codex', always, middle, 1.25, 10, 0.125), // MD, PA
  model('gpt-5.1-chat-latest', fixed, chat, 1.25, 10, 0.125), // MD, PA
  model('gpt-5.1', whenAsked, middle, 1.25, 10, 0.125), // MD, PA
  model(
    'gpt-5-pro',
    { ...always, efforts: ['high'], defaultEffort: 'high', chatTools: 'never' },
    { contextWindow: 400_000, maxOutputTokens: 272_000 },
    15,
    120,
  ), // MD, PA
  model('gpt-5-chat-latest', plain, middle, 1.25, 10, 0.125), // MD, PA
  model('gpt-5-codex', always, middle, 1.25, 10, 0.125), // MD, PA
  model('gpt-5', first5, middle, 1.25, 10, 0.125), // MD, PA
  model('gpt-5-mini', first5, middle, 0.25, 2, 0.025), // MD, PA
  model('gpt-5-nano', first5, middle, 0.05, 0.4, 0.005), // MD, PA
  model('o4-mini-deep-research', fixed, oSeries, 2, 8, 0.5), // MD, PA
  model('o4-mini', always, oSeries, 1.1, 4.4, 0.275), // MD, PA
  model('o3-deep-research', fixed, oSeries, 10, 40, 2.5), // MD, PA
  model('o3-pro', always, oSeries, 20, 80), // MD, PA
  model('o3-mini', always, oSeries, 1.1, 4.4, 0.55), // MD, PA
  model('o3', always, oSeries, 2, 8, 0.5), // MD, PA
  model('o1-pro', always, oSeries, 150, 600), // MD, PA
  model('o1', always, oSeries, 15, 60, 7.5), // MD, PA
  model('gpt-4.1', plain, gpt41, 2, 8, 0.5), // MD
  model('gpt-4.1-mini', plain, gpt41, 0.4, 1.6, 0.1), // MD
  model('gpt-4.1-nano', plain, gpt41, 0.1, 0.4, 0.025), // MD
  model('gpt-4o-2024-05-13', plain, { contextWindow: 128_000, maxOutputTokens: 4_096 }, 5, 15), // MD
  model('gpt-4o', plain, chat, 2.5, 10, 1.25), // MD
  model('gpt-4o-mini', plain, chat, 0.15, 0.6, 0.075), // MD
  model('gpt-4-turbo', plain, { contextWindow: 128_000, maxOutputTokens: 4_096 }, 10, 30), // MD
  model('gpt-4', plain, { contextWindow: 8_192, maxOutputTokens: 8_192 }, 30, 60), // MD
  model('gpt-3.5-turbo', plain, { contextWindow: 16_385, maxOutputTokens: 4_096 }, 0.5, 1.5), // MD
  model('text-embedding-3-small', plain, { contextWindow: 8_191 }, 0.02, 0), // MD
  model('text-embedding-3-large', plain, { contextWindow: 8_191 }, 0.13, 0), // MD
  model('text-embedding-ada-002', plain, { contextWindow: 8_192 }, 0.1, 0), // MD
  // Versions that came later, and fine-tuned ones, are taken to behave as their family does.
  family('gpt-6\\.2|gpt-6(?:\\.\\d+)?-astra', always6), // DOC guides/latest-model, 2026-11
  family('gpt-6|gpt-5\\.6', byDefault), // PA; docs.litellm.ai/blog/gpt_6_sol_luna, 2026-09-22
  family('gpt-5(?:\\.\\d+)?-pro', pro), // PA
  family('gpt-5\\.[1-9]\\d*-chat', fixed), // PA
  family('gpt-5\\.5', default55), // PA
  family('gpt-5\\.4', asked54), // PA
  family('gpt-5\\.[23]', asked52), // PA
  family('gpt-5\\.1-codex', always), // PA
  family('gpt-5\\.1', whenAsked), // PA
  family('gpt-5-chat', plain), // PA
  family('gpt-5(?![\\d.])', first5), // PA
  family('o\\d', always), // PA
  family('gpt-4|gpt-3|chatgpt-4o|text-embedding-', plain), // PA
]
