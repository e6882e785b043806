/** Messages whose context the agent's schema checks in its own time. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import type { StandardSchema, ValidationResult } from '../tool/standard-schema.ts'

const key = 'agent:main:main'

/** An agent whose schema settles when the test says so. */
async function up(): Promise<Stage & { readonly settle: (result?: ValidationResult<unknown>) => void; readonly asked: () => number }> {
  const open: ((result: ValidationResult<unknown>) => void)[] = []
  let asked = 0
  const context: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => {
        asked++
        return new Promise<ValidationResult<unknown>>((resolve) => open.push(resolve))
      },
    },
  }
  const set = await stage(new FunctionModel(() => ({ text: 'fine' })), { context })
  onTestFinished(() => void set.claw.kill())
  const settle = (result: ValidationResult<unknown> = { value: 1 }): void => {
    for (const resolve of open.splice(0)) resolve(result)
  }
  return Object.assign(set, { settle, asked: () => asked })
}

/** How a promise is settled within the turns of the event loop that are due; undefined while it is not. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown
  promise.then(
    () => {
      outcome = 'resolved'
    },
    (error: { readonly code?: unknown }) => {
      outcome = error.code
    },
  )
  await flushEventLoop()
  return outcome
}

describe('a context schema that never settles', () => {
  test('is given up after a minute, with its agent in the text', async () => {
    const { claw, clock } = await up()
    const { accepted } = claw.session(key).send('hi', { context: 1 })
    expect(await outcomeOf(accepted)).toBeUndefined()
    await clock.advance(60_000)
    await expect(accepted).rejects.toMatchObject({
      code: 'hook-failed',
      message: expect.stringMatching(/agent "main" took longer than 60000/),
    })
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends with the signal of the message', async () => {
    const { claw } = await up()
    const abort = new AbortController()
    const { accepted } = claw.session(key).send('hi', { context: 1, signal: abort.signal })
    await flushEventLoop()
    abort.abort('enough')
    expect(await outcomeOf(accepted)).toBe('call-aborted')
    await expect(accepted).rejects.toMatchObject({ cause: 'enough' })
    expect(await claw.session(key).exists()).toBe(false)
  })

  test.each<[string, (set: Stage) => unknown]>([
    ['stop()', ({ claw }) => claw.stop()],
    ['kill()', ({ claw }) => claw.kill()],
  ])('ends with %s', async (_, end) => {
    const set = await up()
    const { accepted } = set.claw.session(key).send('hi', { context: 1 })
    await flushEventLoop()
    await end(set)
    expect(await outcomeOf(accepted)).toBe('actor-not-running')
  })

  test('takes no longer to refuse than its schema says', async () => {
    const { claw, settle, clock } = await up()
    const { accepted } = claw.session(key).send('hi', { context: 1 })
    await flushEventLoop()
    settle({ issues: [{ message: 'too small' }] })
    expect(await outcomeOf(accepted)).toBe('invalid-message')
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a drain', () => {
  test('refuses a message whose context is checked only after it began', async () => {
    const { claw, settle, asked } = await up()
    const { accepted } = claw.session(key).send('hi', { context: 1 })
    await flushEventLoop()
    expect(asked()).toBe(1)
    await claw.drain()
    settle()
    expect(await outcomeOf(accepted)).toBe('draining')
    expect(await claw.session(key).exists()).toBe(false)
  })

  test('waits for a message that was on its way when it began', async () => {
    const store = new TroubledStore()
    const opening = Promise.withResolvers<void>()
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), {}, { store })
    onTestFinished(() => void claw.kill())
    store.opening = () => opening.promise
    const run = claw.session(key).send('hi')
    await flushEventLoop()
    const drained = claw.drain()
    expect(await outcomeOf(drained)).toBeUndefined()
    opening.resolve()
    await drained
    // The run has ended: a read finds it, and nothing is under way.
    expect((await claw.session(key).history()).runs).toEqual([])
    expect((await run.result()).text).toBe('fine')
  })
})
