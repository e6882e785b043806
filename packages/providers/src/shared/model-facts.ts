/** What is known of models beforehand: limits, prices, and whether they think. */
import type { ModelInfo, ModelPrice } from '@beamclaw/core'
import { anObject, checkOptions, integer, type OptionRule, oneOf } from '@beamclaw/core/adapter'

/** Facts about one model; what is absent is not known. */
export type ModelFacts = Omit<ModelInfo, 'id'>

/** Facts by the beginning or the form of a model's id; the first that matches counts. */
export type ModelTable<TFacts extends ModelFacts = ModelFacts> = readonly (readonly [id: RegExp, facts: TFacts])[]

/** Returns what is known of a model: what the user says, else what the table says. */
export function factsOf<TFacts extends ModelFacts>(
  table: ModelTable<TFacts>,
  model: string,
  given: Readonly<Record<string, ModelFacts>> = {},
): Partial<TFacts> {
  const known = table.find(([id]) => id.test(model))?.[1]
  const own = Object.hasOwn(given, model) ? given[model] : undefined
  return { ...known, ...own } as Partial<TFacts>
}

/** Returns the facts that everyone may know of a model: a table may have more. */
export function infoOf({ contextWindow, maxOutputTokens, price, thinking }: Partial<ModelFacts>): ModelFacts {
  return {
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(price === undefined ? {} : { price }),
    ...(thinking === undefined ? {} : { thinking }),
  }
}

const anAmount: OptionRule = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? undefined : 'a number of at least 0'

/** Returns the rule for the price of what `owner` names. */
function aPriceIn(owner: string): OptionRule {
  return (value) => {
    if (anObject(value) !== undefined) return 'an object with the prices input and output'
    const rules = { input: anAmount, output: anAmount, cacheRead: anAmount, cacheWrite: anAmount, longCacheWrite: anAmount }
    checkOptions<ModelPrice>(`${owner}.price`, value as ModelPrice, rules, ['input', 'output'])
    return undefined
  }
}

/** The rule for facts by model. Throws `invalid-option` for a fact that is none. */
export const someFacts: OptionRule = (value) => {
  if (anObject(value) !== undefined) return 'an object of facts by model'
  for (const [model, facts] of Object.entries(value as Record<string, ModelFacts>)) {
    const owner = `models["${model.slice(0, 128)}"]`
    const thinking = oneOf('never', 'optional', 'always')
    checkOptions<ModelFacts>(owner, facts, {
      contextWindow: integer(1),
      maxOutputTokens: integer(1),
      thinking,
      price: aPriceIn(owner),
    })
  }
  return undefined
}
