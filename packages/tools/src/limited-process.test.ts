import { readFileSync } from 'node:fs'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startLimited } from './limited-process.ts'

it.skipIf(process.platform !== 'linux')('a limited process has no variable of this one', async () => {
  vi.stubEnv('SECRET_OF_THE_HOST', 'secret')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { child, end } = startLimited(new URL('./web/page-process.ts', import.meta.url), 64)
  onTestFinished(end)
  const variables = () => readFileSync(`/proc/${child.pid}/environ`, 'utf8')
  // Nothing is to be read of a process while it becomes another program: `prlimit` becomes Node.
  await vi.waitUntil(() => variables() !== '')
  const names = variables()
    .split('\0')
    .flatMap((entry) => entry.split('=')[0] || [])
  expect(names.sort()).toEqual(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'])
})
