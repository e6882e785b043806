/** `doctor --live` against real model servers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelServerOptions, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Settings, settingsFrom } from '../../config/settings.ts'
import { runCli } from '../../testing/run-cli.ts'
import { checkLive } from './live.ts'

const key = 'sk-right-0123456789'
const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 0, cacheWriteTokens: 0 }
const healthy = { toolCalls: [{ name: 'report_health', input: { ok: true } }], usage }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-live-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function settingsFor(baseUrl: string, { apiKey = key, more = {} }: { apiKey?: string; more?: Partial<Settings> } = {}): Settings {
  const config = {
    providers: { one: { type: 'openai' as const, apiKey, baseUrl } },
    agents: { main: { model: 'one/scripted-1' } },
  }
  return { ...settingsFrom(config, { environment: {} }), ...more }
}

async function findingOf(options: ModelServerOptions, apiKey = key, limitMs?: number) {
  await using server = await startModelServer(options)
  const [finding, ...others] = await checkLive(settingsFor(server.baseUrl, { apiKey }), limitMs)
  expect(others).toEqual([])
  expect(JSON.stringify(finding)).not.toContain('0123456789')
  return finding
}

describe('a model', () => {
  test('that calls the tool is healthy, and its cost is told where its price is known', async () => {
    await using server = await startModelServer({ answers: () => healthy })
    const more = { prices: { 'one/*': { input: 1, output: 10 } } }
    expect(await checkLive(settingsFor(server.baseUrl, { more }))).toMatchObject([
      {
        name: 'model one/scripted-1',
        state: 'ok',
        detail: expect.stringMatching(/^answers and calls tools: \d+ ms, 100 tokens in, 20 out, \$0\.000300$/),
        facts: { model: 'one/scripted-1', inputTokens: 100, outputTokens: 20, costUsd: 0.0003 },
      },
    ])
    expect(server.requests[0]?.body).toMatchObject({ tools: [{ function: { name: 'report_health' } }] })
    const providers = {
      one: { ...settingsFor(server.baseUrl).providers.one, models: { 'scripted-1': { price: { input: 2, output: 10 } } } },
    }
    const [told] = await checkLive(settingsFor(server.baseUrl, { more: { providers: providers as Settings['providers'] } }))
    expect(told?.facts).toMatchObject({ costUsd: 0.0004 })
    const [unpriced] = await checkLive(settingsFor(server.baseUrl))
    expect(unpriced?.facts).not.toHaveProperty('costUsd')
  })

  test('that only talks is a warning', async () => {
    expect(await findingOf({ answers: ['I am well.'] })).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining('did not call the tool'),
      advice: expect.stringContaining('take a model that calls tools'),
    })
  })

  test('that refuses tools is a warning', async () => {
    const error = { status: 400, body: { error: { message: 'registry.ollama.ai/library/scripted-1 does not support tools' } } }
    expect(await findingOf({ answers: [{ error }] })).toMatchObject({ state: 'warning', detail: expect.stringContaining('refuses tools') })
  })

  test.each<[string, ModelServerOptions, object]>([
    [
      'a wrong key',
      { apiKey: 'another' },
      { detail: expect.stringContaining('does not take the key'), advice: 'correct providers.one.apiKey' },
    ],
    [
      'an unknown model',
      {
        answers: [
          { error: { status: 404, body: { error: { message: 'The model `scripted-1` does not exist', code: 'model_not_found' } } } },
        ],
      },
      { detail: expect.stringContaining('Correct the name of the model'), facts: { code: 'provider-bad-request' } },
    ],
    [
      'a web page',
      { answers: [{ raw: '<!doctype html>', delivery: { contentType: 'text/html' } }] },
      { detail: expect.stringContaining('is a web page'), advice: 'correct providers.one.baseUrl or its type' },
    ],
    ['no credit', { answers: [{ error: { status: 402 } }] }, { detail: expect.stringContaining('has no credit') }],
    ['too many requests', { answers: [{ error: { status: 429 } }] }, { advice: expect.stringContaining('try again later') }],
  ])('with %s is a problem', async (_what, options, expected) => {
    expect(await findingOf(options)).toMatchObject({ name: 'model one/scripted-1', state: 'problem', ...expected })
  })

  test('that says nothing is given up', async () => {
    const answers = [{ text: 'late', delivery: { stall: 'headers' as const } }]
    expect(await findingOf({ answers }, key, 50)).toMatchObject({ state: 'problem', detail: 'does not answer within 0.05 s' })
  })
})

test('models are asked at once, each one once, but no more than eight', async () => {
  let open = 0
  let most = 0
  const full = Promise.withResolvers<void>()
  await using server = await startModelServer({
    answers: async () => {
      most = Math.max(most, ++open)
      if (open === 8) full.resolve()
      await full.promise
      open--
      return healthy
    },
  })
  const agents = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`a${index}`, { model: `one/m${index}`, fallbacks: ['one/m0'] }]),
  )
  const findings = await checkLive(settingsFor(server.baseUrl, { more: { agents } }))
  expect(findings.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => 'ok'))
  expect(most).toBe(8)
})

test('a provider without an agent is not asked', async () => {
  const providers = { demo: { type: 'demo' as const }, idle: { type: 'openai' as const, apiKey: key } }
  const settings = settingsFor('http://127.0.0.1:1/v1', { more: { providers, agents: { main: { model: 'demo/demo-1' } } } })
  expect(await checkLive(settings)).toMatchObject([
    { name: 'model demo/demo-1' },
    { name: 'model idle/…', state: 'warning', advice: expect.stringContaining('no agent names a model of idle') },
  ])
})

test('the command asks only when it is told to, and its exit code is that of doctor', async () => {
  await using server = await startModelServer({ apiKey: key, answers: () => healthy })
  const provider = (apiKey: string) => `{ type: openai, apiKey: ${apiKey}, baseUrl: '${server.baseUrl}' }`
  const write = (apiKey: string): void =>
    writeFileSync(
      join(folder, 'beamclaw.yaml'),
      `gateway: { port: 0 }\nstore: { type: memory }\nproviders: { one: ${provider(apiKey)} }\nagents: { main: { model: one/scripted-1 } }\n`,
      { mode: 0o600 },
    )
  write(key)
  const run = (...args: string[]) => runCli(['doctor', ...args], { cwd: folder })
  await run()
  expect(server.requests).toHaveLength(0)
  const good = await run('--live')
  expect(good.output).toMatch(/ok +model one\/scripted-1 +answers and calls tools: \d+ ms/)
  expect([good.code, server.requests.length]).toEqual([0, 1])
  write('sk-wrong-0123456789')
  const bad = await run('--live', '--json')
  const { findings } = JSON.parse(bad.output) as { readonly findings: readonly { readonly name: string }[] }
  expect(findings.filter(({ name }) => name.startsWith('model'))).toMatchObject([
    { state: 'problem', advice: 'correct providers.one.apiKey', facts: { model: 'one/scripted-1', code: 'provider-auth' } },
  ])
  expect(bad.code).toBe(1)
  expect(bad.output + good.output).not.toContain('0123456789')
})
