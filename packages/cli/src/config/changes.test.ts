import { describe, expect, test } from 'vitest'
import { changesBetween } from './changes.ts'
import type { Config } from './schema.ts'
import { settingsFrom } from './settings.ts'

const before: Config = {
  gateway: { port: 1 },
  providers: { local: { type: 'openai', apiKey: 'old', maxConcurrent: 1 }, demo: { type: 'demo' } },
  prices: { 'local/a': { input: 1, output: 1 } },
  agents: { main: { model: 'local/a' }, other: { model: 'demo/a' } },
}

function changesTo(config: Config) {
  const settings = (from: Config) => settingsFrom(from, { environment: {} })
  return changesBetween(settings(before), settings({ ...before, ...config }))
}

describe('a change of the settings', () => {
  test('holds at once for agents, prices and limits', () => {
    const { applied, waiting, settings } = changesTo({
      providers: { local: { type: 'openai', apiKey: 'old', requestsPerMinute: 9 }, demo: { type: 'demo' } },
      prices: { 'local/b': { input: 1, output: 1 } },
      agents: { main: { model: 'local/a', system: 'x' }, third: { model: 'demo/a' } },
    })
    expect(waiting).toEqual([])
    expect(applied).toEqual(['providers.local', 'prices.local/a', 'prices.local/b', 'agents.main', 'agents.other', 'agents.third'])
    expect(settings.providers.local).toEqual({ type: 'openai', apiKey: 'old', requestsPerMinute: 9 })
  })

  test('waits for a restart where it is about keys, addresses, the port, who may come in, and the store', () => {
    const { applied, waiting, settings } = changesTo({
      gateway: { port: 2, host: 'localhost', auth: { mode: 'token', token: 'a-secret-token' }, allowedOrigins: ['http://a'], drainMs: 5 },
      store: { type: 'memory' },
      sessions: { mailboxSize: 3 },
      budgets: { all: { maxRequests: 9 } },
      providers: { local: { type: 'openai', apiKey: 'new', maxConcurrent: 2 }, demo: { type: 'openai' }, third: { type: 'demo' } },
    })
    expect(waiting).toEqual([
      'gateway.host',
      'gateway.port',
      'gateway.auth',
      'gateway.allowedOrigins',
      'gateway.drainMs',
      'store',
      'sessions',
      'budgets',
      'providers.local',
      'providers.demo',
      'providers.third',
    ])
    // The new limit belongs to what is there already.
    expect(applied).toEqual(['providers.local'])
    expect(settings).toMatchObject({ port: 1, host: '127.0.0.1', providers: { local: { apiKey: 'old', maxConcurrent: 2 } } })
  })

  test('of an agent waits together with the provider it needs', () => {
    const { applied, waiting, settings } = changesTo({
      providers: { ...before.providers, third: { type: 'demo' } },
      agents: { main: { model: 'third/x' }, other: { model: 'demo/b' }, late: { model: 'demo/c', fallbacks: ['third/x'] } },
    })
    expect(waiting).toEqual(['providers.third', 'agents.main', 'agents.late'])
    expect(applied).toEqual(['agents.other'])
    expect(settings.agents).toEqual({ main: { model: 'local/a' }, other: { model: 'demo/b' } })
  })

  test('of the order of agents is one, since the first is the default', () => {
    expect(changesTo({ agents: { other: { model: 'demo/a' }, main: { model: 'local/a' } } }).applied).toEqual(['the default agent'])
  })

  test('that is none is none', () => {
    expect(changesTo({})).toMatchObject({ applied: [], waiting: [] })
  })
})
