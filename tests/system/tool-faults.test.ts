/** What a session makes of tools that misbehave, and of models that call them badly. */
import { defineTool, type Tool, type ToolOutput, toolResult } from '@beamclaw/core'
import type { ScriptedToolCall } from '@beamclaw/testkit/model-server'
import { describe, expect, test } from 'vitest'
import { type CollectedAnswer, Conversation, resultsOf } from './lab/conversation.ts'

const hundredMegabytes = 100_000_000

function toolThat(execute: Tool['execute'], timeoutMs = 60_000): Tool {
  return defineTool({ name: 'odd', description: 'misbehaves', timeoutMs, execute: execute as () => ToolOutput | Promise<ToolOutput> })
}

/** One run in which the model makes one call and then says what it heard; after it, the session is asked something else. */
async function runWith(tool: Tool, call: ScriptedToolCall = { name: 'odd' }): Promise<CollectedAnswer & { readonly asked: string }> {
  await using talk = await Conversation.begin([{ toolCalls: [call] }, 'I see', 'still here'], { tools: [tool] })
  const heard = await talk.ask('go')
  const asked = JSON.stringify(talk.model.requests.at(-1)?.body)
  expect((await talk.ask('are you there?')).text).toBe('still here')
  return { ...heard, asked }
}

function cycle(): ToolOutput {
  const one: Record<string, unknown> = {}
  one.self = one
  return one as never
}

describe('a tool that', () => {
  test.each<[string, () => ToolOutput, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no such file')
      },
      /no such file/,
    ],
    [
      'throws something that is no error',
      () => {
        throw undefined
      },
      /^Error: /,
    ],
    ['answers with a cycle', cycle, /a cycle/],
    ['answers with a function', () => () => 10n, /a function/],
    [
      'answers with what throws when it is read',
      () => ({
        get content(): string {
          throw new Error('do not touch')
        },
      }),
      /do not touch/,
    ],
  ])('%s: the model hears of it and the run goes on', async (_what, execute, expected) => {
    const heard = await runWith(toolThat(execute))
    expect(heard.text).toBe('I see')
    expect(resultsOf(heard)).toMatchObject([{ outcome: 'error', isError: true, content: expect.stringMatching(expected) }])
  })

  test('F36: never returns and ignores its signal: its time is up, and the run goes on', async () => {
    const heard = await runWith(toolThat(() => new Promise(() => {}), 50))
    expect(heard.text).toBe('I see')
    expect(resultsOf(heard)).toMatchObject([{ outcome: 'error', content: expect.stringContaining('50 ms') }])
  })

  test.each<[string, () => ToolOutput]>([
    ['text', () => 'x'.repeat(hundredMegabytes)],
    ['an object', () => ({ rows: 'x'.repeat(hundredMegabytes) })],
    ['a part', () => toolResult({ content: [{ type: 'text', text: 'x'.repeat(hundredMegabytes) }] })],
  ])('F39: answers with 100 MB of %s: the model gets its beginning and its end', async (_what, execute) => {
    const heard = await runWith(toolThat(execute))
    expect(heard.text).toBe('I see')
    const [result] = resultsOf(heard)
    expect(result?.outcome).toBe('ok')
    // Readers of events get the beginning of it, and a reference.
    expect(JSON.stringify(result).length).toBeLessThan(3_000)
    expect(heard.asked.length).toBeLessThan(250_000)
    expect(heard.asked).toContain('characters left out')
  })

  const oversized: readonly [string, () => ToolOutput][] = [
    [
      'in a thousand parts',
      () => toolResult({ content: Array.from({ length: 1_000 }, () => ({ type: 'text' as const, text: 'x'.repeat(100_000) })) }),
    ],
    ['as one image', () => toolResult({ content: [{ type: 'image', mediaType: 'image/png', data: 'x'.repeat(hundredMegabytes) }] })],
  ]

  test.each(oversized)('F39: answers with 100 MB %s: its outcome is known, and the run goes on', async (_what, execute) => {
    const heard = await runWith(toolThat(execute))
    expect(heard.text).toBe('I see')
    expect(JSON.stringify(resultsOf(heard)).length).toBeLessThan(250_000)
    expect(heard.events.map(({ type }) => type)).not.toContain('run-resume')
  })
})

describe('a model that', () => {
  const fine = toolThat(() => 'fine')

  test('calls a tool that is not there: it hears which there are', async () => {
    const heard = await runWith(fine, { name: 'even' })
    expect(heard.text).toBe('I see')
    expect(resultsOf(heard)).toMatchObject([{ outcome: 'error', content: expect.stringMatching(/no tool "even".*odd/) }])
  })

  test.each(['{"path": ', 'not json', '{} {}'])(
    'calls with arguments that are not JSON (%s): it hears so, and the tool does not run',
    async (inputText) => {
      let runs = 0
      const heard = await runWith(
        toolThat(() => `${++runs}`),
        { name: 'odd', inputText },
      )
      expect(heard.text).toBe('I see')
      expect(resultsOf(heard)).toMatchObject([{ outcome: 'error', content: expect.stringContaining('not valid JSON') }])
      expect(runs).toBe(0)
    },
  )

  test('makes the same call for ever: the run ends', async () => {
    await using talk = await Conversation.begin(
      (_request, index) => (index < 20 ? { toolCalls: [{ id: `call-${index}`, name: 'odd' }] } : 'still here'),
      { tools: [fine] },
    )
    expect((await talk.ask('go')).error).toMatchObject({ code: 'tool-loop' })
    expect(talk.model.requests.length).toBeLessThan(6)
  })
})
