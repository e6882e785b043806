import type { ProviderRequest } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { openAiModels } from '../models/openai-models.ts'
import { factsOf } from '../shared/model-facts.ts'
import { planReasoning, type ReasoningPlan } from './reasoning-plan.ts'

const plan = (request: Partial<ProviderRequest>, models = {}): ReasoningPlan => {
  const whole = { model: 'gpt-5', messages: [], ...request }
  return planReasoning(whole, factsOf(openAiModels, whole.model, models))
}

describe('how much a model is asked to think', () => {
  it.each<[string, Partial<ProviderRequest>, string | undefined, boolean]>([
    ['the level of the request', { model: 'gpt-5.6', thinking: 'high' }, 'high', true],
    ['nothing, of one that thinks by itself', { model: 'gpt-5.6' }, 'none', false],
    ['nothing, by saying nothing, of one that thinks when asked to', { model: 'gpt-5.1' }, undefined, false],
    ['the level, of one that thinks when asked to', { model: 'gpt-5.1', thinking: 'low' }, 'low', true],
    ['nothing, of one that does not think', { model: 'gpt-4.1' }, undefined, false],
    ['the least, of one that always thinks', { model: 'gpt-5' }, 'minimal', true],
    ['what it does by itself, of one that is not known', { model: 'mine' }, undefined, true],
    ['the level, of one that is not known', { model: 'mine', thinking: 'medium' }, 'medium', true],
  ])('is %s', (_, request, effort, mayThink) => {
    expect(plan(request)).toEqual({ effort, mayThink, temperature: undefined, topP: undefined, warnings: [] })
  })

  it.each<[string, Partial<ProviderRequest>, string | undefined, string]>([
    ['always thinks, so it was asked for the least, minimal', { model: 'gpt-5', thinking: 'off' }, 'minimal', 'The model gpt-5'],
    ['always thinks, so it was asked for the least, low', { model: 'gpt-6.2-astra', thinking: 'off' }, 'low', 'The model gpt-6.2-astra'],
    ['has no level of thinking low, so it was asked for high', { model: 'gpt-5-pro', thinking: 'low' }, 'high', 'The model gpt-5-pro'],
    [
      'has no level of thinking high, so it was asked for medium',
      { model: 'gpt-5.2-chat-latest', thinking: 'high' },
      'medium',
      'The model gpt-5.2-chat-latest',
    ],
    ['does not think, so the level high was left out', { model: 'gpt-4o', thinking: 'high' }, undefined, 'The model gpt-4o'],
  ])('is changed with a warning where the model %s', (words, request, effort, model) => {
    const { warnings, ...planned } = plan(request)
    expect([planned.effort, warnings]).toEqual([effort, [{ setting: 'thinking', message: `${model} ${words}.` }]])
  })

  it('is what the user says of a model', () => {
    expect(plan({ model: 'mine' }, { mine: { thinking: 'never' } })).toMatchObject({ effort: undefined, mayThink: false })
    expect(plan({ model: 'mine' }, { mine: { thinking: 'optional' } })).toMatchObject({ effort: 'none', mayThink: false })
    expect(plan({ model: 'mine', thinking: 'off' }, { mine: { thinking: 'always' } })).toMatchObject({
      effort: undefined,
      mayThink: true,
      warnings: [{ setting: 'thinking', message: 'The model mine always thinks.' }],
    })
    expect(plan({ model: 'gpt-5' }, { 'gpt-5': { thinking: 'never' } })).toMatchObject({ effort: undefined, mayThink: false })
  })
})

describe('sampling', () => {
  const sampling = { temperature: 0.25, topP: 0.5 }

  it.each([
    ['one that does not think', 'gpt-4.1', 'off'],
    ['one whose thinking is off', 'gpt-5.6', 'off'],
    ['one that was not asked to think', 'gpt-5.1', 'off'],
    ['one that is not known', 'mine', 'high'],
  ] as const)('reaches %s', (_, model, thinking) => {
    expect(plan({ model, thinking, ...sampling })).toMatchObject({ ...sampling, warnings: [] })
  })

  it.each([
    ['thinks', 'gpt-5.6', 'low', 'The model gpt-5.6 refuses temperature while it thinks, so it was left out.'],
    ['always thinks', 'gpt-6.2-sol', 'low', 'The model gpt-6.2-sol refuses temperature, so it was left out.'],
  ] as const)('is left out for one that %s, with a warning', (_, model, thinking, message) => {
    const { temperature, topP, warnings } = plan({ model, thinking, ...sampling })
    expect([temperature, topP]).toEqual([undefined, undefined])
    expect(warnings).toEqual([
      { setting: 'temperature', message },
      { setting: 'topP', message: message.replace('temperature', 'topP') },
    ])
  })
})
