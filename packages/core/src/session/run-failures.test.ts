import type { Logger } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentHooks } from '../agent/hooks.ts'
import { BeamClawError, defineErrors } from '../base/errors.ts'
import { asProviderError } from '../provider/provider-error.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import type { SessionHandle } from './session-handle.ts'

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

describe('a run that failed', () => {
  const card = guardrail('guardrail-tripped', 'A card number', { details: { secret: 'not for logs' } })

  function logged(): { readonly logger: Logger; readonly lines: unknown[] } {
    const lines: unknown[] = []
    const logger: Logger = { log: (level, event, fields) => void (event.startsWith('run.') && lines.push({ level, event, ...fields })) }
    return { logger, lines }
  }

  test('is logged once: by its session, its key, its code and its text', async () => {
    const { logger, lines } = logged()
    const hooks = { beforeModel: throwing(card) }
    const set = await stage(payer(), { hooks }, { services: { logger } })
    onTestFinished(() => void set.claw.kill())
    await errorOf(set.claw.session(key).send('pay', { idempotencyKey: 'one' }).result())
    await errorOf(set.claw.session(key).send('pay', { idempotencyKey: 'one' }).result())
    const claw = await set.restart()
    await errorOf(claw.session(key).follow('one').result())
    expect(lines).toEqual([
      { level: 'warn', event: 'run.failed', session: key, run: 'one', code: 'guardrail-tripped', message: 'A card number' },
    ])
  })

  test('for what its provider threw by mistake is logged with the text of that, which the sender is not told', async () => {
    const lines: unknown[] = []
    const logger: Logger = { log: (level, event, fields) => void (event === 'provider.threw' && lines.push({ level, ...fields })) }
    // As the services around each provider of a gateway do.
    const model = new FunctionModel((_request, _index, signal) => {
      throw asProviderError(new TypeError('headers of undefined, with sk-secret'), signal)
    })
    const { claw } = await stage(model, {}, { services: { logger } })
    onTestFinished(() => void claw.kill())
    const error = await errorOf(claw.session(key).send('pay', { idempotencyKey: 'one' }).result())
    expect(error.code).toBe('provider-protocol')
    expect(error.message).not.toContain('sk-secret')
    // Once for each attempt.
    const line = { level: 'warn', session: key, run: 'one', error: expect.stringContaining('headers of undefined') }
    expect(lines).toEqual(model.requests.map(() => line))
  })

  test('is not logged when it was completed or aborted', async () => {
    const { logger, lines } = logged()
    const asked = Promise.withResolvers<void>()
    const model = new FunctionModel((_, index) => {
      if (index === 0) return { text: 'done' }
      asked.resolve()
      return new Promise<ModelTurn>(() => {})
    })
    const { claw } = await stage(model, {}, { services: { logger } })
    onTestFinished(() => void claw.kill())
    await claw.session(key).send('go').result()
    const run = claw.session(key).send('go on')
    await asked.promise
    await claw.session(key).abort()
    await errorOf(run.result())
    expect(lines).toEqual([])
  })

  const failuresIn = async (session: SessionHandle, limit?: number): Promise<unknown[]> => {
    const { messages } = await session.history(limit === undefined ? {} : { limit })
    return messages.map(({ message, failure }) => (failure === undefined ? message.role : [message.role, failure]))
  }
  const failure = { code: 'guardrail-tripped', message: 'A card number' }

  test('is told by the message that began it, also after a restart, a snapshot and in a part of the history', async () => {
    const model = new FunctionModel(({ messages }) => (messages.at(-1)?.content === 'pay' ? { fails: card } : { text: 'hi' }))
    const set = await up({}, model)
    await set.claw.session(key).send('hello').result()
    await errorOf(set.claw.session(key).send('pay').result())
    const expected = ['user', 'assistant', ['user', failure]]
    expect(await failuresIn(set.claw.session(key))).toEqual(expected)
    expect(await failuresIn(set.claw.session(key), 1)).toEqual([['user', failure]])
    const claw = await set.restart()
    expect(await failuresIn(claw.session(key))).toEqual(expected)
    for (let index = 0; index < 45; index++) await claw.session(key).send(`message ${index}`).result()
    await flushEventLoop()
    expect((await failuresIn((await set.restart()).session(key))).slice(0, 4)).toEqual([...expected, 'user'])
  })

  test('that was aborted is told so by its message, and the next one is not', async () => {
    const asked = Promise.withResolvers<void>()
    const model = new FunctionModel((_, index) => {
      if (index > 0) return { text: 'done' }
      asked.resolve()
      return new Promise<ModelTurn>(() => {})
    })
    const { claw } = await up({}, model)
    const session = claw.session(key)
    const run = session.send('one')
    await asked.promise
    await session.abort(run.runId)
    await errorOf(run.result())
    await session.send('two').result()
    const aborted = { code: 'run-aborted', message: 'The run was aborted' }
    expect(await failuresIn(session)).toEqual([['user', aborted], 'user', 'assistant'])
  })

  test('is not exported, and marks no message of a copy', async () => {
    const { claw } = await up({ beforeModel: throwing(card) })
    await errorOf(claw.session(key).send('pay', { idempotencyKey: 'one' }).result())
    expect((await claw.session(key).export()).messages.map((entry) => Object.keys(entry).sort())).toEqual([
      ['createdAt', 'message', 'runId'],
    ])
    const copy = await claw.session(key).fork('agent:main:copy')
    expect(await failuresIn(copy)).toEqual(['user'])
    await errorOf(copy.send('pay', { idempotencyKey: 'one' }).result())
    expect(await failuresIn(copy)).toEqual(['user', ['user', failure]])
  })
})
