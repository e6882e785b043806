import type { Message } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { withWireCalls } from './wire-calls.ts'

function turn(calls: readonly (readonly [id: string, name: string])[], results = calls): Message[] {
  return [
    { role: 'assistant', content: calls.map(([id, name]) => ({ type: 'tool-call', id, name, input: {} })) },
    {
      role: 'tool',
      content: results.map(([toolCallId, name]) => ({ type: 'tool-result', toolCallId, name, content: `of ${name}`, isError: false })),
    },
  ]
}

function idsOf(messages: readonly Message[]): string[][] {
  return messages.map(({ content }) =>
    typeof content === 'string'
      ? []
      : content.map((part) => (part.type === 'tool-call' ? part.id : part.type === 'tool-result' ? part.toolCallId : '')),
  )
}

describe('calls on the wire', () => {
  test('keep ids that are fine', () => {
    expect(
      idsOf(
        withWireCalls(
          turn([
            ['call_1', 'look'],
            ['call_2', 'look'],
          ]),
        ),
      ),
    ).toEqual([
      ['call_1', 'call_2'],
      ['call_1', 'call_2'],
    ])
  })

  test('have ids that are unique in the conversation, and results that follow them', () => {
    const messages = [
      ...turn([['same', 'a']]),
      ...turn([['same', 'b']]),
      ...turn([
        ['a.b', 'c'],
        ['a:b', 'd'],
      ]),
    ]
    expect(idsOf(withWireCalls(messages))).toEqual([['same'], ['same'], ['same_2'], ['same_2'], ['a_b', 'a_b_2'], ['a_b', 'a_b_2']])
  })

  test('share the one result that an answer with the same id twice has got', () => {
    const messages = turn(
      [
        ['x', 'a'],
        ['x', 'a'],
      ],
      [['x', 'a']],
    )
    expect(idsOf(withWireCalls(messages))).toEqual([
      ['x', 'x_2'],
      ['x', 'x_2'],
    ])
  })

  test('have ids and names of a length and of characters that services accept', () => {
    const [message] = withWireCalls(
      turn([
        ['x'.repeat(99), '😀 name/with.dots'.repeat(9)],
        ['', ''],
      ]),
    )
    const parts = typeof message?.content === 'string' ? [] : (message?.content ?? [])
    for (const part of parts)
      expect(part).toMatchObject({ id: expect.stringMatching(/^[\w-]{1,40}$/), name: expect.stringMatching(/^[\w-]{1,64}$/) })
  })

  test('are the same for a longer conversation that begins in the same way', () => {
    const messages = [...turn([['same', 'a']]), ...turn([['same', 'b']])]
    expect(withWireCalls([...messages, ...turn([['same_2', 'c']])]).slice(0, 4)).toEqual(withWireCalls(messages))
  })
})

describe('results on the wire', () => {
  const result = (toolCallId: string) => ({ type: 'tool-result', toolCallId, name: 'a', content: 'x', isError: false }) as const

  test('are one for each call, however often a conversation has them', () => {
    const [call] = turn([['x', 'a']])
    const twice = { role: 'tool', content: [result('x'), result('x')] } as const
    expect(idsOf(withWireCalls([call as Message, twice]))).toEqual([['x'], ['x']])
    expect(idsOf(withWireCalls([call as Message, twice, { role: 'tool', content: [result('x')] }]))).toEqual([['x'], ['x'], []])
  })

  test('of calls that nobody knows have an id that is accepted', () => {
    const [call] = turn([['x', 'a']])
    expect(idsOf(withWireCalls([call as Message, { role: 'tool', content: [result('a.b')] }]))).toEqual([['x'], ['a_b']])
  })

  test('that are fine are not copied', () => {
    const messages = turn([['x', 'a']])
    expect(withWireCalls(messages).every((message, index) => message === messages[index])).toBe(true)
  })
})
