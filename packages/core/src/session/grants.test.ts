import { describe, expect, test } from 'vitest'
import { caller, first, scene } from './testing/approval-scene.ts'

const key = 'agent:main:main'

describe('what was approved for longer', () => {
  test.each(['session', 'agent', 'tenant'] as const)('in scope %s asks no more, until it is revoked', async (scope) => {
    const set = await scene(caller('prod'))
    const session = set.claw.session(key)
    const run = session.send('go')
    const { grants } = await set.claw.approvals.approve((await first(set)).id, { scope, by: 'ada' })
    await run.result()
    expect(set.claw.approvals.grants()).toEqual(grants)
    await session.send('go').result()
    expect(set.ran).toEqual(['prod', 'prod'])
    // A restart knows it.
    await (await set.restart()).session(key).send('go').result()
    expect(set.ran).toHaveLength(3)
    if (scope === 'session') {
      const other = set.claw.session('agent:main:other').send('go')
      await set.claw.approvals.deny((await first(set)).id)
      await other.result()
    }
    await set.claw.approvals.revoke(grants[0]?.id ?? '')
    const last = set.claw.session(key).send('go')
    await set.claw.approvals.deny((await first(set)).id)
    await last.result()
    expect(set.ran).toHaveLength(3)
    await expect(set.claw.approvals.revoke(grants[0]?.id ?? '')).rejects.toMatchObject({ code: 'unknown-approval' })
    await set.claw.stop()
  })

  test('covers the exact input alone', async () => {
    const set = await scene(caller('prod', 'prod2'))
    await set.claw.approvals.grant({ scope: 'tenant', subject: 'tool:deploy', args: ['{"to":"prod"}'] })
    const run = set.claw.session(key).send('go')
    expect((await set.requests()).map(({ input }) => input)).toEqual([{ to: 'prod2' }])
    await set.claw.approvals.deny((await first(set)).id)
    await run.result()
    expect(set.ran).toEqual(['prod'])
    await set.claw.stop()
  })

  test('does not cover a call that always asks', async () => {
    const set = await scene(caller('prod'), {}, { askMode: 'always' })
    await set.claw.approvals.grant({ scope: 'tenant', subject: 'tool:deploy', args: ['**'] })
    const run = set.claw.session(key).send('go')
    await set.claw.approvals.deny((await first(set)).id)
    await run.result()
    expect(set.ran).toEqual([])
    await set.claw.stop()
  })

  test('goes with its session', async () => {
    const set = await scene(caller('prod'))
    const run = set.claw.session(key).send('go')
    await set.claw.approvals.approve((await first(set)).id, { scope: 'session' })
    await run.result()
    await set.claw.session(key).delete()
    expect(set.claw.approvals.grants()).toEqual([])
    await set.claw.stop()
  })
})
