import { afterEach, expect, test, vi } from 'vitest'
import { toProvider } from './assemble.ts'

afterEach(() => vi.unstubAllEnvs())

test('a provider of a configuration reads nothing from the environment that the configuration leaves out', async () => {
  // A provider that read them would refuse them.
  for (const name of ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'ANTHROPIC_BASE_URL']) vi.stubEnv(name, 'not usable')
  await toProvider({ type: 'openai' })
  await toProvider({ type: 'openai', apiKey: 'none' })
  await toProvider({ type: 'anthropic', apiKey: 'none' })
})
