import { expect, onTestFinished, test, vi } from 'vitest'
import { toProvider } from './assemble.ts'

test('a provider of a configuration reads nothing from the environment that the configuration leaves out', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  // A provider that read them would refuse them.
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'ANTHROPIC_BASE_URL']) vi.stubEnv(name, 'not usable')
  for (const config of [{ type: 'openai' }, { type: 'openai', apiKey: 'none' }, { type: 'anthropic', apiKey: 'none' }] as const) {
    expect(await toProvider(config)).toHaveProperty('doStream')
  }
})
