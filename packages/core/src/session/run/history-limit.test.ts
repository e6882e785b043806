import { describe, expect, test } from 'vitest'
import { agentDefaults, defineAgent } from '../../agent/agent.ts'
import { zeroUsage } from '../../base/messages.ts'
import type { Provider, ProviderRequest } from '../../ports/provider.ts'
import { boundCalls } from '../../provider/bound-calls.ts'
import { ProviderTable } from '../../provider/provider-table.ts'
import { FunctionModel, stage } from '../../testing/model.ts'
import { historyLimit } from './history-limit.ts'

const windows: Readonly<Record<string, unknown>> = {
  tiny: 900,
  small: 8_192,
  middle: 128_000,
  usual: 200_000,
  large: 1_000_000,
  none: 0,
  negative: -5,
  text: 'many',
  nothing: undefined,
}

/** A model that answers at length, and knows these windows; each request is noted. */
function windowed(asked: ProviderRequest[] = []): Provider {
  return {
    async *doStream(request) {
      asked.push(request)
      const isSummary = request.system?.startsWith('Summarise') === true
      yield { type: 'text-delta', text: isSummary ? 'In short.' : 'y'.repeat(8_000) }
      yield { type: 'finish', reason: 'stop', usage: zeroUsage }
    },
    modelFacts(model) {
      if (model === 'broken') throw new Error('no table')
      return { contextWindow: windows[model] as number }
    },
  }
}

const providers = new ProviderTable({ test: windowed(), silent: { doStream: windowed().doStream } })
const limitOf = (model: string, compactAboveTokens?: number): number =>
  historyLimit(defineAgent({ id: 'main', model, ...(compactAboveTokens === undefined ? {} : { compactAboveTokens }) }), providers)

describe('the tokens above which a history is summarised', () => {
  test.each([
    ['test/tiny', 1_000],
    ['test/small', 4_915],
    ['test/middle', 76_800],
    ['test/usual', 120_000],
    ['test/large', 120_000],
    ['test/none', 120_000],
    ['test/negative', 120_000],
    ['test/text', 120_000],
    ['test/nothing', 120_000],
    ['test/broken', 120_000],
    ['silent/any', 120_000],
    ['ghost/any', 120_000],
  ])('for %s are %i', (model, tokens) => {
    expect(limitOf(model)).toBe(tokens)
    expect(agentDefaults.compactAboveTokens).toBe(120_000)
  })

  test('are those of the agent, where it says so, whatever the window', () => {
    expect([limitOf('test/small', 50_000), limitOf('test/large', 500_000)]).toEqual([50_000, 500_000])
  })

  test('are those of the model that the run asks', () => {
    expect(historyLimit(defineAgent({ id: 'main', model: 'test/large' }), providers, 'test/small')).toBe(4_915)
  })

  test('are known behind a provider that stands before another one', () => {
    const table = new ProviderTable({ test: { ...boundCalls(windowed()), doStream: windowed().doStream } })
    expect(historyLimit(defineAgent({ id: 'main', model: 'test/small' }), table)).toBe(4_915)
  })
})

test.each([
  ['small', true],
  ['usual', false],
])('a session whose model has a %s window: summarised before the window is full %s', async (model, isSummarised) => {
  const asked: ProviderRequest[] = []
  const { claw } = await stage(new FunctionModel(() => ({})), { model: `test/${model}` }, { providers: { test: windowed(asked) } })
  for (let turn = 0; turn < 5; turn++) await claw.session('agent:main:main').send(`question ${turn}`).result()
  expect(asked.some(({ system }) => system?.startsWith('Summarise') === true)).toBe(isSummarised)
})
