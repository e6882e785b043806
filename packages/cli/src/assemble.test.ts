import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Provider, silentLogger } from '@beamclaw/core'
import { collectAnswer } from '@beamclaw/core/testing'
import { chatDialectNames } from '@beamclaw/providers/openai'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AssembledBeamClaw, toProvider } from './assemble.ts'
import { ConfigError } from './config/config-error.ts'
import { parseConfig } from './config/load.ts'
import { type Settings, settingsFrom } from './config/settings.ts'

test('a provider of a configuration reads nothing from the environment that the configuration leaves out', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  // A provider that read them would refuse them.
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'ANTHROPIC_BASE_URL']) vi.stubEnv(name, 'not usable')
  for (const config of [
    { type: 'openai', baseUrl: 'http://127.0.0.1:9/v1' },
    { type: 'openai', apiKey: 'none' },
    { type: 'anthropic', apiKey: 'none' },
  ] as const) {
    expect(await toProvider(config)).toHaveProperty('doStream')
  }
})

const problemsOf = async (settings: Settings, file?: string): Promise<readonly string[]> => {
  const error: unknown = await AssembledBeamClaw.from(settings, silentLogger, file).catch((thrown: unknown) => thrown)
  if (!(error instanceof ConfigError)) throw error
  return error.problems
}

test.each([
  [{ type: 'openai' }, 'https://api.openai.com', 'OPENAI_API_KEY'],
  [{ type: 'openai', baseUrl: 'https://api.openai.com/v1' }, 'https://api.openai.com', 'OPENAI_API_KEY'],
  [{ type: 'openai', dialect: 'deepseek' }, 'https://api.deepseek.com', 'DEEPSEEK_API_KEY'],
  [{ type: 'openai', baseUrl: 'https://api.mistral.ai/v1' }, 'https://api.mistral.ai', 'MISTRAL_API_KEY'],
] as const)('a provider without the key that its service wants is told how the file names one: %j', async (config, origin, variable) => {
  const settings = settingsFrom({ providers: { x: config }, agents: { main: { model: 'x/y' } } }, { environment: {} })
  expect(await problemsOf(settings)).toEqual([
    `providers.x.apiKey: expected the key of ${origin}, is missing; write apiKey: \${${variable}}, or the baseUrl of a server of your own`,
  ])
})

test.each([
  ['{ type: openai, dialect: deepseek }', 'providers.x.apiKey: expected the key of'],
  ['\n    type: openai\n    apiKey: none\n    headers:\n      host: me', 'providers.x.headers.host: Option "headers" must not set "host"'],
  [
    '\n    type: openai\n    api: chat\n    apiKey: none\n    promptCacheKey: a',
    'providers.x.promptCacheKey: option "promptCacheKey" is for',
  ],
  ['{ type: openai, dialect: azure, apiKey: none }', 'providers.x: option "baseUrl" is required for the dialect "azure"'],
])('what a constructor refuses is told with its file, line and path: %s', async (provider, said) => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-places-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'beamclaw.yaml')
  const text = `store: { type: memory }\nproviders:\n  x: ${provider}\nagents: { main: { model: x/y } }\n`
  writeFileSync(file, text)
  const settings = settingsFrom(parseConfig(text, {}, file), { environment: {}, name: file })
  const line = provider.startsWith('{') ? 3 : provider.split('\n').length + 2
  expect(await problemsOf(settings, file)).toEqual([expect.stringContaining(`${file}:${line}: ${said}`)])
})

test.each([
  ['store:\n  type: redis\n  url: me:s3cret', {}, ':3: store.url: option "url" must be an address such as'],
  ['store: redis', { BEAMCLAW_REDIS_URL: 'me:s3cret' }, 'BEAMCLAW_REDIS_URL: option "url" must be an address such as'],
  ['store: redis\ncluster:\n  ttlMs: 100', {}, ':3: cluster.ttlMs: "ttlMs" is 100, expected at least three heartbeats of 1000 ms'],
  ['store:\n  type: redis\n  caFile: /none', {}, ':3: store.caFile: "caFile" must name a file that can be read: /none was tried (ENOENT)'],
  ['store:\n  type: redis\n  caFile: no/ca.pem', {}, `must name a file that can be read: ${resolve('no/ca.pem')} was tried (ENOENT)`],
])('what the store or the cluster refuses is told where it was written: %j', async (text, environment, said) => {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-places-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'beamclaw.yaml')
  writeFileSync(file, text)
  const problems = await problemsOf(settingsFrom(parseConfig(text, environment, file), { environment, name: file }), file)
  const place = said.startsWith(':') ? `${file}${said}` : said
  expect(problems).toEqual([expect.stringContaining(place)])
  expect(problems.join('')).not.toContain('s3cret')
})

test('a provider of a configuration has the dialect, the fields, the headers and the facts that it says', async () => {
  await using server = await startModelServer({ answers: ['hi'], models: [{ id: 'mine' }] })
  const { providers } = parseConfig(
    `
providers:
  x:
    type: openai
    apiKey: none
    baseUrl: ${server.baseUrl}
    dialect: deepseek
    api: chat
    service: deepseek
    headers: { x-title: BeamClaw }
    extraBody: { service_tier: flex, nested: [1, { a: null }] }
    maxTokensField: max_completion_tokens
    reasoningField: reasoning
    includeUsage: false
    splitThink: true
    models: { mine: { contextWindow: 1000, thinking: optional, price: { input: 1, output: 2, longCacheWrite: 3 } } }
    maxConcurrent: 2
`,
    {},
    'file',
  )
  const config = providers?.x
  if (config === undefined) throw new Error('There is no provider')
  const provider = await toProvider(config)
  const { signal } = new AbortController()
  for await (const _ of provider.doStream({ model: 'mine', maxOutputTokens: 9, messages: [{ role: 'user', content: 'hi' }] }, { signal }));
  expect(server.requests[0]).toMatchObject({
    headers: { 'x-title': 'BeamClaw' },
    body: { thinking: { type: 'disabled' }, service_tier: 'flex', nested: [1, { a: null }], max_completion_tokens: 9 },
  })
  expect(server.requests[0]?.body).not.toHaveProperty('stream_options')
  expect(server.requests[0]?.body).not.toHaveProperty('maxConcurrent')
  expect(await provider.listModels?.({ signal })).toEqual([
    { id: 'mine', contextWindow: 1000, thinking: 'optional', price: { input: 1, output: 2, longCacheWrite: 3 } },
  ])
})

test.each(chatDialectNames)(
  'the dialect %s may stand in a configuration, and brings no address of its own where it has none',
  async (dialect) => {
    const config = parseConfig(`providers: { x: { type: openai, dialect: ${dialect}, apiKey: none } }`, {}, 'file').providers?.x
    if (config === undefined) throw new Error('There is no provider')
    if (dialect === 'azure') await expect(toProvider(config)).rejects.toMatchObject({ code: 'invalid-option' })
    else expect(await toProvider(config)).toHaveProperty('doStream')
  },
)

test.each([
  ['dialect: other', 'providers.x.dialect: expected one of openai, azure'],
  ['headers: { "a b": c }', 'providers.x.headers'],
  ['extraBody: 5', 'providers.x.extraBody: expected an object'],
  ['splitThink: often', 'providers.x.splitThink: expected true or false'],
  ['models: { a: { window: 5 } }', 'providers.x.models.a.window: unknown key'],
])('what is no option of a provider is a problem of the configuration: %s', (line, problem) => {
  const text = `providers:\n  x:\n    type: openai\n    apiKey: none\n    ${line}\n`
  let problems: readonly string[] = []
  try {
    parseConfig(text, {}, 'file')
  } catch (error) {
    if (error instanceof ConfigError) problems = error.problems
  }
  expect(problems).toEqual([expect.stringContaining(problem)])
})

test('an agent without a model gets none from a provider whose models are not known', () => {
  const config = { providers: { x: { type: 'openai', dialect: 'deepseek', apiKey: 'none' } } } as const
  expect(() => settingsFrom(config, { environment: {} })).toThrow(ConfigError)
})

test('a provider of a configuration has the settings of Anthropic and the deadlines that it says', async () => {
  await using server = await startModelServer({ answers: ['hi', 'hi'] })
  const { providers } = parseConfig(
    `
providers:
  x:
    type: anthropic
    apiKey: none
    baseUrl: ${server.baseUrl}
    maxOutputTokens: 1000
    cacheTtl: 1h
    thinkingMode: budget
    thinkingBudgets: { low: 1024, medium: 1025, high: 1026 }
    connectTimeoutMs: 1000
    firstByteTimeoutMs: 2000
    idleTimeoutMs: 3000
    totalTimeoutMs: 4000
`,
    {},
    'file',
  )
  const config = providers?.x
  if (config?.type !== 'anthropic') throw new Error('There is no provider')
  const ask = async (provider: Provider) => {
    const { error } = await collectAnswer(provider, { system: 'Be brief.', thinking: 'medium' })
    expect(error).toBeUndefined()
    return server.requests.at(-1)?.body
  }
  const body = await ask(await toProvider(config))
  expect(body).toMatchObject({ max_tokens: 2025, thinking: { type: 'enabled', budget_tokens: 1025 } })
  expect(JSON.stringify(body)).toContain('"ttl":"1h"')
  expect(JSON.stringify(await ask(await toProvider({ ...config, promptCaching: false })))).not.toContain('cache_control')
})

test('a server that says nothing is left at the deadline of the configuration', async () => {
  await using server = await startModelServer({ answers: [{ text: 'late', delivery: { stall: 'headers' } }] })
  const config = { type: 'openai', apiKey: 'none', baseUrl: server.baseUrl, firstByteTimeoutMs: 20 } as const
  const { error } = await collectAnswer(await toProvider(config))
  expect(error).toMatchObject({ code: 'provider-timeout', details: { deadline: 'first-byte' } })
})

test('an agent starts those that its configuration names in the background, from the edit on in which they are named', async () => {
  const agents = (subAgents: readonly string[]) => ({
    main: { model: 'demo/demo-1', subAgents: [...subAgents] },
    researcher: { model: 'demo/demo-1' },
  })
  const config = (subAgents: readonly string[]) => ({
    store: { type: 'memory' as const },
    providers: { demo: { type: 'demo' as const } },
    agents: agents(subAgents),
  })
  const settings = settingsFrom(config(['main']), { environment: {} })
  const assembled = await AssembledBeamClaw.from(settings, silentLogger)
  await using claw = await assembled.claw.start()
  const spawn = async (): Promise<string> => {
    const said = 'call sessions_spawn {"task":"2+3","agent":"researcher"}'
    const { toolCalls } = await claw.session('agent:main:a').send(said, { queueMode: 'queue' }).result()
    return String(toolCalls[0]?.result?.content)
  }
  expect(await spawn()).toContain('There is no agent')
  assembled.update(settingsFrom(config(['*']), { environment: {} }), claw)
  expect(await spawn()).not.toContain('There is no agent')
})

test('a sub-agent that is no agent is told with the nearest one', () => {
  const agents = { main: { model: 'demo/d', subAgents: ['resercher'] }, researcher: { model: 'demo/d' } }
  expect(() => settingsFrom({ agents }, { environment: {} })).toThrow(
    /agents.main.subAgents.0: there is no agent "resercher"; did you mean "researcher"/,
  )
})
