import { describe, expect, test } from 'vitest'
import { factsOf } from '../shared/model-facts.ts'
import { type OpenAiModelFacts, openAiEfforts, openAiModels } from './openai-models.ts'

const known = (model: string): Partial<OpenAiModelFacts> => factsOf(openAiModels, model)

describe('the table of OpenAI models', () => {
  test.each([
    [
      'gpt-6.2-astra',
      { thinking: 'always', sampling: 'never', chatTools: 'never', price: { input: 8, output: 40, cacheRead: 0.4, cacheWrite: 10 } },
    ],
    ['gpt-6.1-terra', { thinking: 'optional', defaultEffort: 'medium', chatTools: 'without-thinking', contextWindow: 1_050_000 }],
    [
      'gpt-5.6',
      { thinking: 'optional', efforts: ['none', 'low', 'medium', 'high', 'xhigh', 'max'], price: { input: 4, output: 20, cacheRead: 0.4 } },
    ],
    ['gpt-5.6-sol', { thinking: 'optional', price: { input: 4, output: 20, cacheRead: 0.4 } }],
    ['gpt-5.5-pro', { thinking: 'always', efforts: ['medium', 'high', 'xhigh'] }],
    ['gpt-5.4-mini', { thinking: 'optional', defaultEffort: 'none', contextWindow: 400_000 }],
    ['gpt-5.1-chat-latest', { thinking: 'always', efforts: ['medium'], maxOutputTokens: 16_384 }],
    [
      'gpt-5-mini-2025-08-07',
      { thinking: 'always', efforts: ['minimal', 'low', 'medium', 'high'], price: { input: 0.25, output: 2, cacheRead: 0.025 } },
    ],
    ['openai/gpt-5', { thinking: 'always', defaultEffort: 'medium' }],
    ['gpt-4o-2024-05-13', { thinking: 'never', maxOutputTokens: 4_096 }],
    ['gpt-4o-2024-11-20', { thinking: 'never', maxOutputTokens: 16_384 }],
    ['o3', { thinking: 'always', efforts: ['low', 'medium', 'high'], contextWindow: 200_000 }],
  ] as const)('knows %s', (model, facts) => expect(known(model)).toMatchObject(facts))

  test.each([
    ['gpt-6.3-luna', 'optional'],
    ['gpt-6.2-luna', 'always'],
    ['gpt-5.7-pro', 'always'],
    ['gpt-5.3-chat-2026', 'always'],
    ['ft:gpt-4.1-mini:acme::1', 'never'],
    ['o5-mini', 'always'],
  ])('takes %s, which it does not know, for one of its family, without limits and prices', (model, thinking) => {
    expect(known(model).thinking).toBe(thinking)
    expect(known(model)).not.toHaveProperty('price')
    expect(known(model)).not.toHaveProperty('contextWindow')
  })

  test.each(['gpt-oss-120b', 'deepseek-v4', 'grok-5', 'my-deployment', 'gpt-50', 'qwen/gpt-5'])('says nothing of %s', (model) =>
    expect(known(model)).toEqual({}),
  )

  test('contradicts itself nowhere', () => {
    for (const [id, { thinking, efforts, defaultEffort, sampling, price }] of openAiModels) {
      expect(efforts, id.source).toEqual(openAiEfforts.filter((effort) => efforts.includes(effort)))
      expect(efforts.includes('none'), id.source).toBe(thinking === 'optional')
      expect(thinking === 'never' ? defaultEffort === 'none' : efforts.includes(defaultEffort), id.source).toBe(true)
      expect(sampling, id.source).toBe({ never: 'always', optional: 'without-thinking', always: 'never' }[thinking])
      if (price?.cacheRead !== undefined) expect(price.cacheRead, id.source).toBeLessThan(price.input)
    }
  })
})
