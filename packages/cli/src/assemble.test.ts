import { silentLogger } from '@beamclaw/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AssembledBeamClaw, toProvider } from './assemble.ts'
import { ConfigError } from './config/config-error.ts'
import { settingsFrom } from './config/settings.ts'

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

test.each([
  [{ type: 'openai' }, 'providers.x: apiKey: is missing; set it'],
  [{ type: 'openai', baseUrl: 'https://api.openai.com/v1' }, 'providers.x: OpenAiProvider: option "apiKey" is required'],
] as const)('a provider without the key that its service wants is a problem of the configuration: %j', async (config, line) => {
  const settings = settingsFrom({ providers: { x: config }, agents: { main: { model: 'x/y' } } }, { environment: {} })
  const error: unknown = await AssembledBeamClaw.from(settings, silentLogger).catch((thrown: unknown) => thrown)
  if (!(error instanceof ConfigError)) throw error
  expect(error.problems).toEqual([expect.stringContaining(line)])
})
