import { AssertionError } from 'node:assert'
import {
  type AgentHooks,
  BeamClaw,
  BeamClawError,
  defineAgent,
  defineTool,
  type SessionHandle,
  silentLogger,
  type Tool,
  toolResult,
} from '@beamclaw/core'
import { type AnswerFunction, type ScriptedAnswer, ScriptedProvider, toolAnswer } from '@beamclaw/core/testing'
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { assertRunFailed, assertRunText, assertToolCalled, assertToolDenied, assertToolNotCalled } from './run-assertions.ts'
import { recordRun, toolCallsOf } from './run-record.ts'

const deploy = defineTool({
  name: 'deploy',
  description: 'deploys',
  input: z.object({ target: z.string(), flags: z.object({ dry: z.boolean(), tags: z.array(z.string()) }).optional() }),
  execute: ({ target }) => (target === 'moon' ? toolResult({ content: 'too far', isError: true }) : { target }),
})

async function sessionOf(
  answers: readonly ScriptedAnswer[] | AnswerFunction,
  tools: readonly Tool[] = [deploy],
  hooks: AgentHooks = {},
): Promise<SessionHandle> {
  const claw = await new BeamClaw({
    providers: { test: new ScriptedProvider({ answers }) },
    agents: [defineAgent({ id: 'main', model: 'test/any', tools, hooks })],
    services: { logger: silentLogger },
  }).start()
  onTestFinished(() => claw.stop())
  return claw.session('agent:main:main')
}

const thrownBy = (work: () => unknown): AssertionError => {
  try {
    work()
  } catch (error) {
    if (error instanceof AssertionError) return error
  }
  return expect.unreachable('nothing was thrown')
}

describe('a recorded run', () => {
  test('has its events, its tool calls with what came of them, and its text', async () => {
    const input = { target: 'staging', flags: { dry: true, tags: ['a'] } }
    const session = await sessionOf([toolAnswer('deploy', input), toolAnswer('deploy', { target: 'moon' }), toolAnswer('dance'), 'Done.'])
    const record = await recordRun(session.send('go', { idempotencyKey: 'one' }))
    expect(record).toMatchObject({ runId: 'one', outcome: 'completed', text: 'Done.', error: undefined })
    expect(record.events.at(-1)?.type).toBe('run-end')
    const calls = toolCallsOf(record, deploy)
    expectTypeOf(calls[0]?.input.target).toEqualTypeOf<string | undefined>()
    expect(calls).toEqual([
      { toolCallId: 'call_deploy', name: 'deploy', input, outcome: 'ok', content: '{"target":"staging"}' },
      { toolCallId: 'call_deploy', name: 'deploy', input: { target: 'moon' }, outcome: 'error', content: 'too far' },
    ])
    expect(toolCallsOf(record).map(({ name }) => name)).toEqual(['deploy', 'deploy', 'dance'])
    expect(toolCallsOf(record, 'nothing')).toEqual([])
  })

  test('has the error of a run that failed, and rejects for one that was refused', async () => {
    const session = await sessionOf([{ error: new BeamClawError('provider-auth', 'no key') }])
    const record = await recordRun(session.send('go', { idempotencyKey: 'one' }))
    expect(record).toMatchObject({ outcome: 'failed', text: '', error: { code: 'provider-auth' } })
    await expect(recordRun(session.send('other', { idempotencyKey: 'one' }))).rejects.toMatchObject({ code: 'idempotency-mismatch' })
  })
})

describe('assertions', () => {
  test('pass for what is so', async () => {
    const session = await sessionOf([toolAnswer('deploy', { target: 'staging', flags: { dry: true, tags: ['a'] } }), 'Done at last.'])
    const record = await recordRun(session.send('go'))
    expect(assertToolCalled(record, 'deploy').outcome).toBe('ok')
    expect(assertToolCalled(record, deploy, { flags: { dry: true } }).input.target).toBe('staging')
    assertToolCalled(record, deploy, { flags: { tags: ['a'] } })
    assertToolNotCalled(record, 'dance')
    assertRunText(record, 'Done at last.')
    assertRunText(record, /done/i)
  })

  test('say what came instead', async () => {
    const session = await sessionOf([toolAnswer('deploy', { target: 'staging', flags: { dry: true, tags: ['a'] } }), 'Done.'])
    const record = await recordRun(session.send('go'))
    const other = thrownBy(() => assertToolCalled(record, deploy, { target: 'moon' }))
    expect(other.message).toMatch(/^expected a call of deploy with \{ target: 'moon' \}; the run called deploy\(\{ target: 'staging', /)
    expect([other.expected, other.actual]).toMatchObject([[{ target: 'moon' }], [{ target: 'staging' }]])
    expect(thrownBy(() => assertToolCalled(record, deploy, { flags: { tags: [] } }))).toBeDefined()
    expect(thrownBy(() => assertToolCalled(record, 'dance')).message).toMatch(/^expected a call of dance; the run called deploy/)
    expect(thrownBy(() => assertToolNotCalled(record)).message).toMatch(/^expected no call of any tool; the run called deploy/)
    expect(thrownBy(() => assertRunText(record, 'Doing.')).message).toBe("expected the run to say 'Doing.'; it said 'Done.'")
    expect(thrownBy(() => assertRunFailed(record, 'max-turns')).message).toBe("expected the run to fail with max-turns; it said 'Done.'")
  })

  test('of a failed run', async () => {
    const session = await sessionOf([{ error: new BeamClawError('provider-auth', 'no key') }])
    const record = await recordRun(session.send('go'))
    assertRunFailed(record, 'provider-auth')
    assertToolNotCalled(record)
    expect(thrownBy(() => assertRunText(record, /./)).message).toBe('expected the run to say /./; it was failed (provider-auth: no key)')
    expect(thrownBy(() => assertToolCalled(record, 'deploy')).message).toBe('expected a call of deploy; the run called no tool')
  })
})

describe('a call that a hook denied', () => {
  const input = { target: 'moon' }
  const denying = (deny: string): AgentHooks => ({ beforeTool: ({ call }) => (call.name === 'deploy' ? { deny } : undefined) })

  test('is found by its tool, with its input and the reason', async () => {
    const session = await sessionOf([toolAnswer('deploy', input), 'Then not.'], [deploy], denying('not on Sundays'))
    const record = await recordRun(session.send('go'))
    expect(assertToolDenied(record, deploy)).toEqual({ toolCallId: 'call_deploy', name: 'deploy', input, reason: 'not on Sundays' })
    expectTypeOf(assertToolDenied(record, deploy).input.target).toEqualTypeOf<string>()
    assertToolDenied(record, 'deploy', 'not on Sundays')
    assertToolDenied(record, deploy, /sundays/i)
    assertToolNotCalled(record, deploy)
  })

  test('is told of where a call was expected, or another reason', async () => {
    const session = await sessionOf([toolAnswer('deploy', input), 'Then not.'], [deploy], denying('not on Sundays'))
    const record = await recordRun(session.send('go'))
    expect(thrownBy(() => assertToolCalled(record, deploy)).message).toBe(
      "expected a call of deploy; the run called no tool; denied was deploy({ target: 'moon' }): 'not on Sundays'",
    )
    const other = thrownBy(() => assertToolDenied(record, deploy, 'not on Mondays'))
    expect(other.message).toBe(
      "expected a denied call of deploy for 'not on Mondays'; denied was deploy({ target: 'moon' }): 'not on Sundays'; the run called no tool",
    )
    expect([other.actual, other.expected]).toEqual([['not on Sundays'], 'not on Mondays'])
    expect(thrownBy(() => assertToolDenied(record, 'dance')).message).toMatch(/^expected a denied call of dance; denied was deploy/)
    expect(thrownBy(() => assertToolDenied(record, deploy, 'not')).message).toMatch(/for 'not'; denied was/)
  })

  test('is none that ran, whatever its tool said', async () => {
    const refuses = defineTool({
      name: 'refuses',
      description: 'refuses',
      execute: () => toolResult({ content: 'Denied: by the tool itself', isError: true }),
    })
    const session = await sessionOf([toolAnswer('refuses'), 'Then not.'], [refuses])
    const record = await recordRun(session.send('go'))
    expect(assertToolCalled(record, refuses).content).toBe('Denied: by the tool itself')
    expect(thrownBy(() => assertToolDenied(record, refuses)).message).toBe('expected a denied call of refuses; the run called refuses({})')
  })

  test('is told apart from a call of the next turn with the same id', async () => {
    const session = await sessionOf([toolAnswer('deploy', input), toolAnswer('deploy', { target: 'staging' }), 'Done.'], [deploy], {
      beforeTool: ({ run }) => (run.turn === 1 ? { deny: 'not yet' } : undefined),
    })
    const record = await recordRun(session.send('go'))
    expect(assertToolDenied(record, deploy).input).toEqual(input)
    expect(toolCallsOf(record, deploy)).toMatchObject([{ input: { target: 'staging' }, outcome: 'ok' }])
  })
})

describe('a provider that answers by function', () => {
  test('sees each request and its number, and may take its time', async () => {
    const session = await sessionOf(async ({ messages }, index) =>
      index === 0 ? toolAnswer('deploy', { target: 'staging' }) : `heard ${messages.at(-1)?.role}`,
    )
    assertRunText(await recordRun(session.send('go')), 'heard tool')
  })

  test('fails as its function fails', async () => {
    const session = await sessionOf(() => {
      throw new BeamClawError('provider-auth', 'no key')
    })
    assertRunFailed(await recordRun(session.send('go')), 'provider-auth')
  })
})
