// The contract finds what is wrong with a sandbox: each mistake is planted in a correct one, and a named test must fail on it.
import type { JsonObject } from '@beamclaw/core'
import { type SandboxUnderTest, sandboxContract } from '@beamclaw/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { allPids, hasVariable, kill } from './process-facts.ts'
import { sandboxMistakes, strayMark } from './testing/mistaken-sandbox.ts'
import { sandboxUnderTest } from './testing/sandboxes.ts'

// A sandbox that ends no children leaves them behind.
afterEach(() => {
  for (const pid of allPids()) if (hasVariable(pid, `${strayMark.name}=${strayMark.value}`)) kill(pid, 'SIGKILL')
})

type Tests = Map<string, () => Promise<void>>

/** The tests of the contract over a sandbox of the host, with a mistake or without. */
function testsWith(mistake: (typeof sandboxMistakes)[string] | undefined, deadlineMs: number): Tests {
  const tests: Tests = new Map()
  const make = (): SandboxUnderTest => {
    const subject = sandboxUnderTest('local')
    if (mistake === undefined) return subject
    const changed = mistake.change(subject.sandbox)
    const { sandbox } = subject
    const mistaken = {
      id: sandbox.id,
      probe: () => sandbox.probe(),
      prepare: changed.prepare ?? ((request) => sandbox.prepare(request)),
      spawn: changed.spawn ?? ((command, options) => sandbox.spawn(command, options)),
      reap: (identity: JsonObject) => sandbox.reap?.(identity) ?? Promise.resolve(),
    } satisfies SandboxUnderTest['sandbox']
    return { ...subject, sandbox: mistaken }
  }
  const declare = Object.assign((name: string, run: () => Promise<void>) => void tests.set(name, run), { skip: () => undefined })
  sandboxContract('a sandbox', make, { describe: (_, inside) => inside(), it: declare, deadlineMs })
  return tests
}

describe.skipIf(process.platform === 'win32')('the Sandbox contract', () => {
  const planted = Object.entries(sandboxMistakes)
  it.each([...new Set(planted.map(([, { caughtBy }]) => caughtBy))])('is kept without a mistake: %s', async (name) => {
    await testsWith(undefined, 20_000).get(name)?.()
  })
  it.each(planted)('catches a sandbox that %s', async (_, mistake) => {
    const test = testsWith(mistake, 1_500).get(mistake.caughtBy)
    expect(test, `there is no test "${mistake.caughtBy}"`).toBeDefined()
    await expect(test?.()).rejects.toThrow()
  })
})
