/** Usage of a BeamClaw with several tenants: each call is counted for the tenant whose session makes it. */
import { type AgentOptions, BeamClaw, type BeamClawError, type RunningBeamClaw, silentLogger } from '@beamclaw/core'
import { ScriptedProvider, textAnswer } from '@beamclaw/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { guarded } from '../../guarded.ts'
import type { UsageBudget } from './usage-budget.ts'
import { UsageLedger } from './usage-ledger.ts'

async function up(budgets: readonly UsageBudget[] = [], agent: Partial<AgentOptions> = {}) {
  const ledger = new UsageLedger({ prices: {}, budgets })
  const provider = new ScriptedProvider({ otherwise: textAnswer('Hello.', { inputTokens: 10, outputTokens: 5 }) })
  const running = await new BeamClaw({
    providers: { scripted: guarded(provider, [ledger.guard({ provider: 'scripted', tenant: 'of the guard' })]) },
    agents: [{ ...agent, id: 'main', model: 'scripted/any' }],
    tenants: ['default', 'acme'],
    parts: [ledger.part()],
    services: { logger: silentLogger },
  }).start()
  onTestFinished(() => running.stop())
  const requests = () => Object.fromEntries(ledger.report({ by: 'tenant' }).map(({ of, requests }) => [of.tenant, requests]))
  return { running, provider, requests }
}

const send = (running: RunningBeamClaw, tenant: string, key = 'agent:main:a'): Promise<string> =>
  running
    .tenant(tenant)
    .session(key)
    .send('Hi')
    .result()
    .then(
      () => 'answered',
      (error: BeamClawError) => error.code,
    )

test('the calls of a session are counted for its tenant, whatever tenant the guard names', async () => {
  const { running, requests } = await up()
  for (const tenant of ['default', 'acme', 'acme']) expect(await send(running, tenant)).toBe('answered')
  expect(requests()).toEqual({ default: 1, acme: 2 })
})

test('a budget for each tenant is not used up by another one', async () => {
  const { running, requests } = await up([{ id: 'each', each: 'tenant', per: 'day', maxRequests: 1 }])
  expect([await send(running, 'acme'), await send(running, 'acme', 'agent:main:b'), await send(running, 'default')]).toEqual([
    'answered',
    'provider-billing',
    'answered',
  ])
  expect(requests()).toEqual({ default: 1, acme: 1 })
})

test('a call without a session is counted for the default tenant, or for the one that it names', async () => {
  const { running, requests } = await up()
  await running.generate('scripted/any', 'Hi')
  await running.generate({ model: 'scripted/any', tenant: 'acme' }, 'Hi')
  for await (const _ of running.complete({ model: 'scripted/any', messages: [{ role: 'user', content: 'Hi' }] }));
  expect(requests()).toEqual({ default: 2, acme: 1 })
})

test('a hook that makes a request of its own cannot move its cost to another tenant by leaving the tenant out', async () => {
  const beforeModel: NonNullable<AgentOptions['hooks']>['beforeModel'] = ({ request: { model, messages } }) => ({ model, messages })
  const { running, provider, requests } = await up([], { hooks: { beforeModel } })
  expect(await send(running, 'acme')).toBe('answered')
  expect(requests()).toEqual({ acme: 1 })
  expect(provider.calls[0]?.request).toMatchObject({ agent: 'main', tenant: 'acme' })
})

test('the summary of a long history is counted for its tenant too', async () => {
  const { running, provider, requests } = await up([], { compactAboveTokens: 1_000 })
  const session = running.tenant('acme').session('agent:main:a')
  for (let turn = 0; turn < 8; turn++) await session.send('word '.repeat(300)).result()
  const summaries = provider.calls.filter(({ request }) => request.system?.startsWith('Summarise'))
  expect(summaries.length).toBeGreaterThan(0)
  expect(requests()).toEqual({ acme: provider.calls.length })
})
