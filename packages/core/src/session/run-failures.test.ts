import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentHooks } from '../agent/hooks.ts'
import { BeamClawError, defineErrors } from '../base/errors.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const guardrail = defineErrors({ 'guardrail-tripped': { kind: 'forbidden' } })
const pay = defineTool({ name: 'pay', description: 'Pays.', execute: () => 'paid' })

function payer(): FunctionModel {
  return new FunctionModel(
    ({ messages }): ModelTurn => (messages.at(-1)?.role === 'tool' ? { text: 'done' } : { calls: [{ id: 'a', name: 'pay' }] }),
  )
}

async function up(hooks: AgentHooks, model = payer()): Promise<Stage> {
  const set = await stage(model, { tools: [pay], hooks })
  onTestFinished(() => void set.claw.kill())
  return set
}

async function errorOf(work: Promise<unknown>): Promise<BeamClawError> {
  const error = await work.then(
    () => expect.unreachable('the run did not fail'),
    (thrown: unknown) => thrown,
  )
  if (!BeamClawError.isInstance(error)) throw error
  return error
}

const throwing = (error: unknown) => (): never => {
  throw error
}

describe('the error of a run that failed', () => {
  test.each(['beforeModel', 'afterModel', 'beforeTool', 'afterTool', 'onRunEnd'] as const)(
    'has the kind and the details of what %s threw, also in the next process',
    async (name) => {
      const details = { rule: 'no-cards', limits: [1, { max: 2 }], nothing: null }
      const set = await up({ [name]: throwing(guardrail('guardrail-tripped', 'A card number', { details })) })
      const expected = { code: 'guardrail-tripped', kind: 'forbidden', message: 'A card number', details: { ...details, runId: 'one' } }
      expect(await errorOf(set.claw.session(key).send('pay', { idempotencyKey: 'one' }).result())).toMatchObject(expected)
      const claw = await set.restart()
      expect(await errorOf(claw.session(key).follow('one').result())).toMatchObject(expected)
    },
  )

  test('has the kind that the error was given in place of that of its code', async () => {
    const { claw } = await up({ beforeModel: throwing(new BeamClawError('provider-billing', 'Not today', { kind: 'limited' })) })
    expect((await errorOf(claw.session(key).send('pay').result())).kind).toBe('limited')
  })

  test('tells why a provider refused: the budget that had no room', async () => {
    const details = { refusedBy: 'usage-ledger', budget: 'team', tried: undefined }
    const model = new FunctionModel(() => ({ fails: new BeamClawError('provider-billing', 'No room', { details }) }))
    const { claw } = await up({}, model)
    const error = await errorOf(claw.session(key).send('pay').result())
    expect(error).toMatchObject({ code: 'provider-billing', kind: 'upstream', details: { refusedBy: 'usage-ledger', budget: 'team' } })
    expect(error.details).not.toHaveProperty('tried')
  })

  test.each([
    ['larger than 4 KiB', { text: 'x'.repeat(4_096) }],
    ['larger than 4 KiB in bytes', { text: 'ä'.repeat(2_100) }],
    ['no JSON', { when: new Date(0) }],
    ['no JSON deep inside', { a: [{ b: () => {} }] }],
    [
      'a cycle',
      Object.assign({} as { self?: unknown }, {
        get self(): unknown {
          return this
        },
      }),
    ],
    [
      'not to be read',
      Object.defineProperty({}, 'a', {
        enumerable: true,
        get: throwing(new Error('no')),
      }),
    ],
    ['no object', ['a', 'b'] as never],
  ])('comes without details that are %s', async (_, details) => {
    const { claw } = await up({ beforeModel: throwing(guardrail('guardrail-tripped', 'No', { details })) })
    const error = await errorOf(claw.session(key).send('pay').result())
    expect(error).toMatchObject({ code: 'guardrail-tripped', kind: 'forbidden', message: 'No' })
    expect(Object.keys(error.details).sort()).toEqual(['runId', 'usageByModel'])
  })

  test('has details of just 4 KiB', async () => {
    const details = { text: 'x'.repeat(4_096 - '{"text":""}'.length) }
    const { claw } = await up({ beforeModel: throwing(guardrail('guardrail-tripped', 'No', { details })) })
    expect((await errorOf(claw.session(key).send('pay').result())).details).toMatchObject(details)
  })

  test('says which run it was, whatever the details of its cause say', async () => {
    const { claw } = await up({ beforeModel: throwing(guardrail('guardrail-tripped', 'No', { details: { runId: 'other' } })) })
    expect((await errorOf(claw.session(key).send('pay', { idempotencyKey: 'one' }).result())).details.runId).toBe('one')
  })

  test.each([
    ['beforeModel', throwing(new Error('down'))],
    ['afterModel', () => ({ role: 'user' }) as never],
    ['beforeTool', () => ({ neither: 1 }) as never],
    ['afterTool', () => 7 as never],
    ['beforeModel', () => 7 as never],
  ] as const)('names the hook that failed: %s', async (name, hook) => {
    const { claw } = await up({ [name]: hook })
    expect(await errorOf(claw.session(key).send('pay').result())).toMatchObject({
      code: 'hook-failed',
      kind: 'internal',
      details: { hook: name },
    })
  })

  test('names the system function as the hook that failed', async () => {
    const set = await stage(payer(), { system: throwing(new Error('down')) })
    onTestFinished(() => void set.claw.kill())
    expect(await errorOf(set.claw.session(key).send('pay').result())).toMatchObject({ code: 'hook-failed', details: { hook: 'system' } })
  })
})

test('the record of a failure has no kind that its code says, and no empty details', async () => {
  const { claw } = await up({ beforeModel: throwing(new BeamClawError('provider-billing', 'Not today')) })
  await errorOf(claw.session(key).send('pay').result())
  for await (const event of claw.session(key).subscribe(1)) {
    if (event.type !== 'run-end') continue
    expect(event.failure).toStrictEqual({ code: 'provider-billing', message: 'Not today' })
    break
  }
})
