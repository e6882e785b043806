import { BeamClaw, defineAgent, silentLogger } from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { FallbackProvider } from '../../fallback/fallback-provider.ts'
import { guarded } from '../../guarded.ts'
import { UsageLedger } from './usage-ledger.ts'

test.each([false, true])('the result of a run tells which budget refused it (behind fallbacks: %s)', async (isBehindFallbacks) => {
  const services = { logger: silentLogger }
  const ledger = new UsageLedger({ prices: { 'acme/*': { input: 3, output: 15 } }, budgets: [{ id: 'team', maxRequests: 0 }], services })
  const refused = guarded(new ScriptedProvider(), [ledger.guard({ provider: 'acme' })])
  const provider = isBehindFallbacks ? new FallbackProvider({ targets: [{ id: 'acme', provider: refused }] }) : refused
  const claw = await new BeamClaw({
    providers: { acme: provider },
    agents: [defineAgent({ id: 'main', model: 'acme/small' })],
    services,
  }).start()
  onTestFinished(() => claw.stop())
  await expect(claw.session('first').send('hello').result()).rejects.toMatchObject({
    code: 'provider-billing',
    details: { budget: 'team', refusedBy: 'usage-ledger' },
  })
})
