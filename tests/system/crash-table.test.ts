/** kill -9 of a real process at each row of the table of crashes. Nothing is asked of the new process unless a test says so. */
import { describe, expect, test } from 'vitest'
import type { AgentProcess } from './lab/agent.ts'
import { Drill, messagesOf, toolModel } from './lab/drill.ts'
import { journalUntil, recordsOf, runsEnded } from './lab/journals.ts'

const one = { key: 'one' }

/** Sends a message to an agent that dies of it; resolves once it is dead. */
async function fatal(drill: Drill, fault: string, text: string): Promise<AgentProcess> {
  const agent = await drill.start(fault)
  agent.send(text, one)
  expect(await agent.ended).toBe('SIGKILL')
  return agent
}

/** What the model was told, message by message, when it was asked for the last time. */
function lastTold(drill: Drill): readonly string[] {
  const request = drill.model.requests.at(-1)
  return request === undefined ? [] : messagesOf(request).map(({ content }) => content ?? '')
}

/** What the model answered, as the journal of the first session has it. */
function answersOf(drill: Drill): readonly unknown[] {
  return recordsOf(drill.journal(), 'model-response').map(({ data: { message } }) =>
    Array.isArray(message?.content) ? message.content.map(({ text }: { readonly text?: string }) => text).join('') : message?.content,
  )
}

/** The model was asked each of `expected`, in this order; the one whose record was being written in the moment of the kill is asked again. */
function expectRequests(drill: Drill, expected: readonly (readonly string[])[]): void {
  const asked = drill.model.requests.map((request) =>
    messagesOf(request).flatMap(({ role, content }) => (role === 'system' ? [] : [content ?? ''])),
  )
  expect(asked.filter((one, index) => JSON.stringify(one) !== JSON.stringify(asked[index - 1]))).toEqual(expected)
  expect(asked.length - expected.length).toBeLessThanOrEqual(1)
}

describe('killed -9', () => {
  test('F01: before a message is durable, its sender heard nothing, and sends it again as new', async () => {
    await using drill = await Drill.begin()
    const first = await fatal(drill, 'before:message-in', 'hello')
    expect(first.receipts()).toEqual([])
    expect(drill.journal()).toEqual([])
    const second = await drill.start()
    expect((await second.ask('hello', one)).result?.text).toBe('heard: hello')
    expect(second.receipts()).toMatchObject([{ status: 'accepted' }])
    expect(drill.problems()).toEqual([])
  })

  test('F02, F24: after a message is durable and before its sender heard so, it is known by its key, and answered once', async () => {
    await using drill = await Drill.begin()
    const first = await fatal(drill, 'after:message-in', 'hello')
    // Durable, and not yet said to be.
    expect(first.receipts()).toEqual([])
    const second = await drill.start()
    expect((await second.ask('hello', one)).result?.text).toBe('heard: hello')
    // Of the first message, however far its run is: not a new one.
    expect(second.receipts()).toMatchObject([{ seq: 1, status: expect.stringMatching(/^waiting$|^running$|^completed$/) }])
    expect(answersOf(drill)).toEqual(['heard: hello'])
    expectRequests(drill, [['hello']])
    expect(drill.problems()).toEqual([])
  })

  test('F02: after a message is acknowledged and before its run begins, the run begins by itself', async () => {
    const held = Promise.withResolvers<void>()
    await using drill = await Drill.begin(async (request) => {
      await held.promise
      return toolModel(request)
    })
    const first = await drill.start('before:run-start:2')
    first.send('first', one)
    const waiting = first.send('second', { key: 'two' })
    await first.line(({ id, receipt }) => id === waiting && receipt?.status === 'accepted')
    held.resolve()
    expect(await first.ended).toBe('SIGKILL')
    await drill.start()
    await runsEnded(drill.data, 2)
    expect(answersOf(drill)).toEqual(['heard: first', 'heard: second'])
    expectRequests(drill, [['first'], ['first', 'heard: first', 'second']])
    expect(drill.problems()).toEqual([])
  })

  test('F03: while the model speaks, what it said is void and it is asked again', async () => {
    await using drill = await Drill.begin((_request, index) => ({
      text: 'a long answer',
      ...(index === 0 ? { delivery: { stall: 3 } } : {}),
    }))
    const first = await drill.start()
    first.send('hello', one)
    await first.line(({ event }) => event?.type === 'text-delta')
    await first.kill()
    const second = await drill.start()
    const records = await runsEnded(drill.data)
    expect(recordsOf(records, 'model-request').map(({ data }) => [data.turn, data.attempt])).toEqual([
      [1, 1],
      [1, 2],
    ])
    expect((await second.ask('hello', one)).result?.text).toBe('a long answer')
    expect(drill.problems()).toEqual([])
  })

  test('F04: after the model answered with a tool call, the tool runs, once, and the model is not asked the same again', async () => {
    await using drill = await Drill.begin()
    await fatal(drill, 'after:model-response', 'charge one')
    expect(drill.effects).toEqual([])
    await drill.start()
    await runsEnded(drill.data)
    expect(drill.effects).toHaveLength(1)
    expect(drill.model.requests).toHaveLength(2)
    expect(lastTold(drill)).toEqual(['charge one', '', 'charged'])
    expect(drill.problems()).toEqual([])
  })

  test.each([
    ['before the tool did anything', 'after:tool-intent', 0],
    ['after it did all it does', 'before:tool-outcome', 1],
  ])('F05: with a tool begun, %s: it does not run again, and the model hears that nobody knows', async (_when, fault, effects) => {
    await using drill = await Drill.begin()
    await fatal(drill, fault, 'charge one')
    await drill.start()
    const records = await runsEnded(drill.data)
    expect(drill.effects).toHaveLength(effects)
    expect(recordsOf(records, 'tool-outcome')).toMatchObject([{ data: { outcome: 'unknown', result: { isError: true } } }])
    expect(lastTold(drill).at(-1)).toContain('Outcome unknown')
    expect(drill.problems()).toEqual([])
  })

  test('F05: in the middle of a slow tool, it does not run again', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    first.send('slow one', one)
    await journalUntil(drill.data, 'first', () => drill.effects.length === 1)
    await first.kill()
    await drill.start()
    await runsEnded(drill.data)
    expect(drill.effects).toHaveLength(1)
    expect(lastTold(drill).at(-1)).toContain('Outcome unknown')
    expect(drill.problems()).toEqual([])
  })

  test('F05: a tool that says it is idempotent runs again, with the same call id', async () => {
    await using drill = await Drill.begin()
    await fatal(drill, 'before:tool-outcome', 'lookup one')
    await drill.start()
    const records = await runsEnded(drill.data)
    expect(drill.effects.map(({ toolCallId }) => toolCallId)).toEqual(['lookup-one', 'lookup-one'])
    expect(recordsOf(records, 'tool-outcome')).toMatchObject([{ data: { outcome: 'ok' } }])
    expect(lastTold(drill).at(-1)).toBe('found')
    expect(drill.problems()).toEqual([])
  })

  test('F07: after a tool ended and before the model is asked again, the run goes on from there', async () => {
    await using drill = await Drill.begin()
    await fatal(drill, 'after:tool-outcome', 'charge one')
    await drill.start()
    await runsEnded(drill.data)
    expect(drill.effects).toHaveLength(1)
    expect(lastTold(drill)).toEqual(['charge one', '', 'charged'])
    expect(drill.problems()).toEqual([])
  })

  test('after a run ended and before anybody read the answer, the answer is there for its key', async () => {
    await using drill = await Drill.begin()
    const first = await fatal(drill, 'after:run-end', 'hello')
    expect(first.lines.some(({ result }) => result !== undefined)).toBe(false)
    const second = await drill.start()
    expect((await second.ask('hello', one)).result?.text).toBe('heard: hello')
    expect(drill.model.requests).toHaveLength(1)
    expect(drill.problems()).toEqual([])
  })

  test('F26: the same message five times, three before a crash and two after it: one run', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    const sent = [first.send('charge one', one), first.send('charge one', one), first.send('charge one', one)]
    await Promise.all(sent.map((id) => first.line((line) => line.id === id && line.receipt !== undefined)))
    await first.kill()
    const second = await drill.start()
    const answers = await Promise.all([second.ask('charge one', one), second.ask('charge one', one)])
    expect(answers[0].result).toEqual(answers[1].result)
    expect(drill.effects.length).toBeLessThanOrEqual(1)
    expect(recordsOf(drill.journal(), 'message-in')).toHaveLength(1)
    expect(drill.problems()).toEqual([])
  })

  test('twice, the second time while it recovers: still one run', async () => {
    await using drill = await Drill.begin()
    await fatal(drill, 'after:model-response', 'charge one')
    const second = drill.launch({ BEAMCLAW_FAULT: 'after:tool-intent' })
    expect(await second.ended).toBe('SIGKILL')
    await drill.start()
    const records = await runsEnded(drill.data)
    expect(recordsOf(records, 'run-resume')).toHaveLength(2)
    expect(drill.effects).toEqual([])
    expect(drill.problems()).toEqual([])
  })
})

describe('one owner', () => {
  test('F15: a second process on the same data is refused; after kill -9 of the first it gets it at once', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    const second = drill.launch()
    expect(await second.ended).toBe(1)
    expect(second.lines.at(-1)?.refused).toMatchObject({ code: 'store-locked' })
    await first.kill()
    const third = await drill.start()
    expect((await third.ask('hello')).result?.text).toBe('heard: hello')
  })

  test('F15: also while the first is stopped, which then goes on as if nothing had been', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    first.child.kill('SIGSTOP')
    const second = drill.launch()
    expect(await second.ended).toBe(1)
    first.child.kill('SIGCONT')
    expect((await first.ask('hello')).result?.text).toBe('heard: hello')
    expect(drill.problems()).toEqual([])
  })

  test('F17: also while its event loop is blocked, and what waited is done afterwards', async () => {
    await using drill = await Drill.begin()
    const first = await drill.start()
    const blocking = first.send('spin one', one)
    await journalUntil(drill.data, 'first', () => drill.effects.length === 1)
    const other = first.send('hello', { session: 'agent:main:other' })
    const second = drill.launch()
    expect(await second.ended).toBe(1)
    expect((await first.answer(blocking)).result?.text).toBe('heard: dizzy')
    expect((await first.answer(other)).result?.text).toBe('heard: hello')
    expect([...drill.problems(), ...drill.problems('other')]).toEqual([])
  })
})
