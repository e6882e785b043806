import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { caller, first, scene } from '../session/testing/approval-scene.ts'

const key = 'agent:main:main'

describe('a running tool', () => {
  test('asks for a further approval, and gets the decision', async () => {
    const set = await scene(caller('prod'), {
      risk: 'low',
      execute: async (_, { ask }) => {
        const { decision, by } = await ask({ display: 'really?' })
        return `${decision} by ${by}`
      },
    })
    const run = set.claw.session(key).send('go')
    const request = await first(set)
    expect(request).toMatchObject({ display: 'really?', question: 0 })
    await set.claw.approvals.approve(request.id, { by: 'ada' })
    expect((await run.result()).text).toBe('approved by ada')
    await set.claw.stop()
  })

  test('that is repeated after a crash has the decisions of before', async () => {
    const gate = Promise.withResolvers<void>()
    let tries = 0
    const set = await scene(caller('prod'), {
      risk: 'low',
      idempotent: true,
      execute: async (_, { ask }) => {
        const { decision } = await ask({ display: 'really?' })
        if (++tries === 1) await gate.promise
        return `${decision} in try ${tries}`
      },
    })
    set.claw
      .session(key)
      .send('go', { idempotencyKey: 'one' })
      .result()
      .catch(() => {})
    await set.claw.approvals.approve((await first(set)).id)
    await flushEventLoop()
    const claw = await set.restart()
    expect((await claw.session(key).send('go', { idempotencyKey: 'one' }).result()).text).toBe('approved in try 2')
    await claw.stop()
  })
})

test.each([
  ['done', /^it was deployed$/, 1],
  ['not-done', /^deployed prod$/, 2],
  ['unknown', /^Outcome unknown/, 1],
  ['throws', /^Outcome unknown/, 1],
] as const)('a tool tells what became of a call that a crash interrupted: %s', async (status, text, runs) => {
  const gate = Promise.withResolvers<void>()
  let calls = 0
  const set = await scene(caller('prod'), {
    risk: 'low',
    execute: async ({ to }) => {
      if (++calls === 1) await gate.promise
      return `deployed ${to}`
    },
    reconcile: ({ input, idempotencyKey }) => {
      expect([input, idempotencyKey]).toEqual([{ to: 'prod' }, 'one:1:0'])
      if (status === 'throws') throw new Error('no idea')
      return status === 'done' ? { status, output: 'it was deployed' } : { status }
    },
  })
  set.claw
    .session(key)
    .send('go', { idempotencyKey: 'one' })
    .result()
    .catch(() => {})
  await flushEventLoop()
  const claw = await set.restart()
  expect((await claw.session(key).send('go', { idempotencyKey: 'one' }).result()).text).toMatch(text)
  expect(calls).toBe(runs)
  await claw.stop()
})

test('a tool runs no more than `concurrency` calls at a time', async () => {
  let active = 0
  let most = 0
  const set = await scene(caller('a', 'b', 'c', 'd', 'e'), {
    risk: 'low',
    concurrency: 2,
    execute: async ({ to }) => {
      most = Math.max(most, ++active)
      await flushEventLoop()
      active--
      return to
    },
  })
  expect((await set.claw.session(key).send('go').result()).text).toBe('a | b | c | d | e')
  expect(most).toBe(2)
  await set.claw.stop()
})
