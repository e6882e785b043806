/** Prices of tokens. */
import { BeamClawError, type ModelPrice, type Provider, type RunResult, type Usage } from '@beamclaw/core'
import { checkOptions } from '@beamclaw/core/adapter'
import { anAmount } from '../../option-rules.ts'

/** US dollars for a million tokens of one model. */
export type Price = ModelPrice

/** Prices by `<provider>/<model>`; `<provider>/*` covers every other model of that provider. */
export type PriceTable = Readonly<Record<string, Price>>

/** Throws `invalid-option` for a price with a bad name or number. */
export function checkPrices(owner: string, prices: PriceTable): void {
  for (const [name, price] of Object.entries(prices)) {
    if (!name.includes('/')) {
      throw new BeamClawError('invalid-option', `${owner}: a price is named "<provider>/<model>", received "${name.slice(0, 128)}"`)
    }
    const rules = { input: anAmount, output: anAmount, cacheRead: anAmount, cacheWrite: anAmount, longCacheWrite: anAmount }
    checkOptions<Price>(`${owner} prices["${name.slice(0, 128)}"]`, price, rules, ['input', 'output'])
  }
}

/** Returns the price of a model, or undefined. */
export function priceOf(prices: PriceTable, provider: string, model: string): Price | undefined {
  for (const name of [`${provider}/${model}`, `${provider}/*`]) if (Object.hasOwn(prices, name)) return prices[name]
  return undefined
}

/** Returns the price that a provider tells of a model; undefined when it tells none, or something that is no price: that would spoil the sums of a ledger. */
export function toldPrice(modelFacts: Provider['modelFacts'], model: string): Price | undefined {
  try {
    const price = modelFacts?.(model)?.price
    if (price === undefined) return undefined
    const { input, output, cacheRead = 0, cacheWrite = 0, longCacheWrite = 0 } = price
    return [input, output, cacheRead, cacheWrite, longCacheWrite].every((amount) => anAmount(amount) === undefined) ? price : undefined
  } catch {
    // A provider that fails to tell must not fail the call.
    return undefined
  }
}

/** Returns the cost of a usage in billionths of a US dollar: whole numbers add up to the same sum in any order, fractions of a dollar do not. */
export function costOf(
  { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, longCacheWriteTokens: long = 0 }: Usage,
  { input, output, cacheRead = input, cacheWrite = input, longCacheWrite = cacheWrite }: Price,
): number {
  const written = (cacheWriteTokens - long) * cacheWrite + long * longCacheWrite
  const microDollars = inputTokens * input + outputTokens * output + cacheReadTokens * cacheRead + written
  return Math.round(microDollars * 1_000)
}

/** Billionths of a dollar in a dollar. */
export const nanoPerUsd = 1_000_000_000

/**
 * Returns what a run has cost in US dollars, with the agents that its tools asked; undefined when one of its models has no price, or an earlier version
 * ended the run. A fallback's answer counts at the price of the model that was asked for. Throws `invalid-option` for a price that is none.
 *
 * @example
 * const dollars = costOfRun(await run.result(), { 'anthropic/claude-sonnet-5': { input: 3, output: 15 } })
 */
export function costOfRun({ usage: all, usageByModel }: Pick<RunResult, 'usage' | 'usageByModel'>, prices: PriceTable): number | undefined {
  checkPrices('costOfRun', prices)
  if (usageByModel.length === 0 && Object.values(all).some((tokens) => tokens > 0)) return undefined
  let nanoUsd = 0
  for (const { model: name, usage } of usageByModel) {
    const slash = name.indexOf('/')
    const price = priceOf(prices, name.slice(0, slash), name.slice(slash + 1))
    if (price === undefined) return undefined
    nanoUsd += costOf(usage, price)
  }
  return nanoUsd / nanoPerUsd
}
