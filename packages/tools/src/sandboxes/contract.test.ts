// The contract of the port over every sandbox that works on this machine.
import { sandboxContract } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { BubblewrapSandbox } from './bubblewrap-sandbox.ts'
import { sandboxUnderTest } from './testing/sandboxes.ts'

const options = { describe, it, deadlineMs: 20_000 }
const bubblewrap = await new BubblewrapSandbox().probe()

describe.skipIf(process.platform === 'win32')('on this host', () => {
  sandboxContract('LocalSandbox', () => sandboxUnderTest('local'), options)
})

describe.skipIf(!bubblewrap.isAvailable)(`with bubblewrap ${bubblewrap.reason ?? ''}`, () => {
  sandboxContract('BubblewrapSandbox', () => sandboxUnderTest('bubblewrap'), options)
})
