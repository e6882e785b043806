import { describe, expect, onTestFinished, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/events.ts'
import { FunctionModel, type ModelTurn, stage } from '../../testing/model.ts'
import { defineTool } from '../../tool/tool.ts'
import type { SessionHandle } from '../session-handle.ts'
import { partialValues } from './partial-output.ts'

const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })

async function sessionOf(...turns: readonly ModelTurn[]): Promise<SessionHandle> {
  const { claw, clock } = await stage(new FunctionModel((_, index) => turns[index] ?? {}), { tools: [look] })
  // A call that broke off is tried again by the clock.
  const timer = setInterval(() => clock.advance(60_000), 1)
  onTestFinished(() => {
    clearInterval(timer)
    claw.kill()
  })
  return claw.session('agent:main:a')
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

const breaks = (before: string): ModelTurn => ({ before, fails: new BeamClawError('provider-network', 'gone') })

describe('the text of a run', () => {
  test('comes piece by piece, beside the events and the result', async () => {
    const run = (await sessionOf({ text: 'one two three' })).send('hi')
    const [pieces, { text }] = await Promise.all([all(run.textStream), run.result()])
    expect([pieces, text]).toEqual([['one ', 'two ', 'three'], 'one two three'])
  })

  test('has that of every turn', async () => {
    const session = await sessionOf({ text: 'Let me look. ', calls: [{ id: 'c', name: 'look' }] }, { text: 'It rains.' })
    expect((await all(session.send('hi').textStream)).join('')).toBe('Let me look. It rains.')
  })

  test('says nothing twice when a call of the model broke off and is made again', async () => {
    const session = await sessionOf(breaks('one two '), breaks('one '), { text: 'one two three' })
    expect((await all(session.send('hi').textStream)).join('')).toBe('one two three')
  })

  test('goes on with all of an answer that is another one', async () => {
    const session = await sessionOf(breaks('one two '), { text: 'uno due tre' })
    expect((await all(session.send('hi').textStream)).join('')).toBe('one two uno due tre')
  })

  test('is one piece for each turn when the run is over, or an afterModel hook has to see it first', async () => {
    const session = await sessionOf({ text: 'one two three' })
    await session.send('hi', { idempotencyKey: 'a' }).result()
    expect(await all(session.follow('a').textStream)).toEqual(['one two three'])
    const { claw } = await stage(new FunctionModel(() => ({ text: 'a secret' })), {
      hooks: { afterModel: () => ({ role: 'assistant', content: [{ type: 'text', text: '[redacted]' }] }) },
    })
    expect(await all(claw.session('agent:main:a').send('hi').textStream)).toEqual(['[redacted]'])
    claw.kill()
  })

  test('rejects as the run does when the message is refused', async () => {
    const session = await sessionOf()
    await expect(all(session.send('').textStream)).rejects.toMatchObject({ code: 'invalid-message' })
  })
})

describe('what there is of the output', () => {
  test('is never told twice in a row', async () => {
    async function* events(): AsyncGenerator<RunEvent> {
      const of = { runId: 'r', sessionKey: 's' } as never as Pick<RunEvent, 'runId' | 'sessionKey'>
      for (const text of ['{"a":', ' ', ' ', ' 1', ' ', '}']) yield { ...of, type: 'text-delta', turn: 1, attempt: 1, text }
      const message = { role: 'assistant', content: [{ type: 'text', text: '{"a":  1}' }] } as const
      yield { ...of, type: 'message', seq: 1, turn: 1, message, finish: 'stop', usage: {} as never }
    }
    expect(await all(partialValues(events(), true))).toEqual([{}, { a: 1 }])
  })
})
