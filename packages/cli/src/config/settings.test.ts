import { describe, expect, test } from 'vitest'
import { ConfigError } from './config-error.ts'
import { parseConfig } from './load.ts'
import type { Config } from './schema.ts'
import { type SettingsFlags, settingsFrom } from './settings.ts'

function problemsOf(config: Config, environment: Record<string, string> = {}, flags: SettingsFlags = {}): readonly string[] {
  try {
    settingsFrom(config, { environment, flags, name: 'file' })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

const file: Config = {
  gateway: { host: '::1', port: 1, auth: { mode: 'token', token: 'of-the-file' }, drainMs: 1 },
  store: { type: 'fs', path: 'of-the-file', sync: 'batch' },
}
const environment = {
  BEAMCLAW_HOST: 'localhost',
  BEAMCLAW_PORT: '2',
  BEAMCLAW_DATA_DIR: 'of-the-environment',
  BEAMCLAW_DRAIN_MS: '2',
  BEAMCLAW_GATEWAY_TOKEN: 'of-the-environment',
}

describe('settings', () => {
  test('come from flags before the environment, the file and the defaults', () => {
    const flags = { host: '127.0.0.1', port: '3', dataDir: 'of-the-flags' }
    expect(settingsFrom(file, { environment, flags })).toMatchObject({
      host: '127.0.0.1',
      port: 3,
      drainMs: 2,
      auth: { mode: 'token', token: 'of-the-environment' },
      store: { type: 'fs', path: 'of-the-flags', sync: 'batch' },
    })
    expect(settingsFrom(file, { environment })).toMatchObject({ host: 'localhost', port: 2, store: { path: 'of-the-environment' } })
    expect(settingsFrom(file, { environment: {} })).toMatchObject({
      host: '::1',
      port: 1,
      drainMs: 1,
      auth: { mode: 'token', token: 'of-the-file' },
      store: { path: 'of-the-file' },
    })
    expect(settingsFrom({}, { environment: {} })).toEqual({
      host: '127.0.0.1',
      port: 4000,
      auth: { mode: 'none' },
      allowedOrigins: [],
      allowedHosts: [],
      drainMs: 25_000,
      store: { type: 'fs', path: './data' },
      cluster: {},
      variables: {},
      providers: { demo: { type: 'demo', delayMs: 25 } },
      prices: {},
      budgets: {},
      agents: { main: { model: 'demo/demo-1', tools: ['exec'] } },
      sessions: {},
      tools: {},
      askMode: undefined,
      skills: { folders: [] },
    })
  })

  test('workers share files, and neither Redis nor memory', () => {
    for (const type of ['redis', 'memory'])
      expect(() => settingsFrom(parseConfig(`{ store: ${type}, workers: 2 }`, {}), { environment: {} })).toThrow(
        /workers: expected store.type "fs"/,
      )
    expect(settingsFrom(parseConfig('workers: 2', {}), { environment: {}, flags: { workers: 'auto' } }).workers).toBe('auto')
    expect(settingsFrom({}, { environment: {} }).workers).toBeUndefined()
  })

  test('of Redis need its type alone', () => {
    const redis = parseConfig('store: redis', {})
    expect(settingsFrom(redis, { environment: {} }).store).toEqual({ type: 'redis', url: 'redis://localhost:6379' })
    const environment = { BEAMCLAW_REDIS_URL: 'redis://cache:6380', BEAMCLAW_NODE_ID: 'web-1', BEAMCLAW_DATA_DIR: 'ignored' }
    const settings = settingsFrom(redis, { environment })
    expect([settings.store, settings.cluster]).toEqual([{ type: 'redis', url: 'redis://cache:6380' }, { nodeId: 'web-1' }])
    expect(() => settingsFrom(redis, { environment: {}, flags: { dataDir: 'd' } })).toThrow('--data-dir')
    expect(() => settingsFrom(redis, { environment: { BEAMCLAW_NODE_ID: 'Web 1' } })).toThrow('BEAMCLAW_NODE_ID')
  })

  test('use the model whose key is in the environment', () => {
    const { providers, agents } = settingsFrom({}, { environment: { OPENAI_API_KEY: 'sk-1' } })
    expect(providers.openai).toEqual({ type: 'openai', apiKey: 'sk-1' })
    expect(agents.main?.model).toBe('openai/gpt-5')
  })

  test('take the model of the first provider when the file has no agent', () => {
    const config: Config = { providers: { own: { type: 'openai', baseUrl: 'http://x' }, toy: { type: 'demo' } } }
    expect(settingsFrom(config, { environment: {} }).agents).toEqual({ main: { model: 'toy/demo-1', tools: ['exec'] } })
  })

  test('of memory are kept on disk after all when somebody names a directory', () => {
    const config: Config = { store: { type: 'memory' } }
    expect(settingsFrom(config, { environment: {} }).store).toEqual({ type: 'memory' })
    expect(settingsFrom(config, { environment: {}, flags: { dataDir: 'd' } }).store).toEqual({ type: 'fs', path: 'd' })
  })
})

describe('what no single key shows is refused', () => {
  test.each(['4001x', '-1', '65536', '1e3', ' 1'])('a port that is none: %j', (port) => {
    expect(problemsOf({}, {}, { port })).toEqual(['--port: expected a whole number from 0 to 65535'])
    expect(problemsOf({}, { BEAMCLAW_PORT: port })).toEqual(['BEAMCLAW_PORT: expected a whole number from 0 to 65535'])
  })

  test('a host that others can reach, without a token', () => {
    const problem = 'file: gateway.auth: expected mode "token", because others can reach the host "0.0.0.0"'
    expect(problemsOf({}, {}, { host: '0.0.0.0' })).toEqual([problem])
    expect(problemsOf({}, { BEAMCLAW_GATEWAY_TOKEN: 'a-secret-token' }, { host: '0.0.0.0' })).toEqual([])
  })

  test('an address of Redis that nothing would use, unless a flag says what is meant', () => {
    const environment = { BEAMCLAW_REDIS_URL: 'redis://me:s3cret@cache' }
    const refused = (type: string): string =>
      `BEAMCLAW_REDIS_URL: expected store.type "redis", received "${type}"; write store: redis into the configuration file, or unset the variable`
    expect(problemsOf({}, environment)).toEqual([refused('fs')])
    expect(problemsOf({ store: { type: 'memory' } }, environment)).toEqual([refused('memory')])
    expect(problemsOf({}, { ...environment, BEAMCLAW_DATA_DIR: 'd' })).toEqual([refused('fs')])
    expect(problemsOf({ store: { type: 'redis' } }, environment)).toEqual([])
    expect(problemsOf({}, environment, { dataDir: 'd' })).toEqual([])
    expect(problemsOf({}, { BEAMCLAW_REDIS_URL: '' })).toEqual([])
  })

  test.each(['fs', 'memory'] as const)('settings of a cluster over the store %s, which has none', (type) => {
    expect(problemsOf({ store: { type }, cluster: { nodeId: 'web-1' } })).toEqual([
      `file: cluster.nodeId: expected store.type "redis", received "${type}"; write store: redis, or leave the section out`,
    ])
    expect(problemsOf({ store: { type }, cluster: {} }, { BEAMCLAW_NODE_ID: 'web-1' })).toEqual([])
  })

  test('a token of the environment that is too short to be one', () => {
    expect(problemsOf({}, { BEAMCLAW_GATEWAY_TOKEN: 'short' })).toEqual([
      'BEAMCLAW_GATEWAY_TOKEN: expected a token of 8 to 512 printable characters',
    ])
  })

  test('an agent whose provider is not there', () => {
    const agents = { main: { model: 'lokal/a', fallbacks: ['demo/b', 'nobody/c'] } }
    expect(problemsOf({ providers: { local: { type: 'openai' }, demo: { type: 'demo' } }, agents })).toEqual([
      'file: agents.main.model: there is no provider "lokal"; did you mean "local"?',
      'file: agents.main.fallbacks.1: there is no provider "nobody"; known are local, demo',
    ])
  })

  test('a budget that limits nothing, or nothing that there is', () => {
    const providers = { local: { type: 'openai' as const }, demo: { type: 'demo' as const } }
    const agents = { main: { model: 'demo/b' } }
    const budgets = { idle: { per: 'day' as const }, typo: { provider: 'lokal', agent: 'ops', maxRequests: 1 } }
    expect(problemsOf({ providers, agents, budgets })).toEqual([
      'file: budgets.idle: expected at least one of maxCostUsd, maxTokens, maxRequests',
      'file: budgets.typo.provider: there is no provider "lokal"; did you mean "local"?',
      'file: budgets.typo.agent: there is no agent "ops"; known are main',
    ])
  })

  test('no agent', () => {
    expect(problemsOf({ agents: {} })).toEqual(['file: agents: expected at least one'])
    expect(problemsOf({ providers: { own: { type: 'openai', baseUrl: 'http://x' } } })).toEqual([
      'file: agents: expected at least one with its model, for the models of the providers are not known',
    ])
  })

  test('one model with two lists of fallbacks, for one of them would go to whom its agent does not name', () => {
    const agents = { open: { model: 'demo/a', fallbacks: ['demo/b'] }, closed: { model: 'demo/a' } }
    expect(problemsOf({ agents })).toEqual([
      'file: agents.closed.fallbacks: agent "open" has the same model with others; give the provider a second name to keep both',
    ])
  })
})
