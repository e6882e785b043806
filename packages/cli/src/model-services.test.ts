import { MemoryStore, silentLogger } from '@beamclaw/core'
import { collectAnswer } from '@beamclaw/core/testing'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { expect, test } from 'vitest'
import { toProvider } from './assemble.ts'
import { parseConfig } from './config/load.ts'
import { settingsFrom } from './config/settings.ts'
import { ModelServices } from './model-services.ts'

test('a budget is kept by the price that a provider knows of its model, and the prices of the file count before it', async () => {
  const usage = { inputTokens: 1_000_000, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 1_000_000 }
  await using server = await startModelServer({ answers: () => ({ text: 'hi', usage }) })
  const text = `
providers:
  x: { type: anthropic, apiKey: none, baseUrl: '${server.baseUrl}', models: { mine: { price: { input: 2, output: 1 } } } }
prices: { x/set: { input: 1, output: 1, cacheWrite: 7, longCacheWrite: 9 } }
budgets: { all: { maxCostUsd: 1000 } }
agents: { main: { model: x/mine } }
`
  const settings = settingsFrom(parseConfig(text, {}, 'file'), { environment: {} })
  const [config] = Object.values(settings.providers)
  if (config === undefined) throw new Error('There is no provider')
  const { providers, ledger } = new ModelServices(settings, { x: await toProvider(config) }, new MemoryStore(), silentLogger)
  await using _ledger = ledger
  const outcome = async (model: string) => {
    const { error } = await collectAnswer(providers.x as (typeof providers)[string], { model })
    return error?.details.limit ?? ledger.report({ where: { model } })[0]?.costUsd
  }
  expect(await outcome('mine')).toBe(4)
  expect(await outcome('set')).toBe(8)
  // The package has a table of Anthropic's models.
  expect(await outcome('claude-sonnet-5')).toBeGreaterThan(1)
  expect(await outcome('unheard-of')).toBe('price')
})
