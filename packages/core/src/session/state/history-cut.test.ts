import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message } from '../../base/messages.ts'
import { firstFlaw, wholeUntil } from './history-cut.ts'

/** Turns of a conversation as a session writes them: a call is followed by its results. */
const history = fc.array(fc.constantFrom('user', 'assistant', 'call'), { maxLength: 12 }).map((turns) =>
  turns.flatMap((turn, index): Message[] => {
    if (turn === 'user') return [{ role: 'user', content: 'hello' }]
    if (turn === 'assistant') return [{ role: 'assistant', content: [{ type: 'text', text: 'hi' }] }]
    return [
      { role: 'assistant', content: [{ type: 'tool-call', id: `${index}`, name: 'look', input: {} }] },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: `${index}`, name: 'look', content: 'seen', isError: false }] },
    ]
  }),
)

describe('a cut of a history', () => {
  test('keeps at most what was asked for, and drops no more than one call with its result besides', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (messages, count) => {
        const kept = wholeUntil(messages, count)
        const asked = Math.min(count, messages.length)
        expect(kept).toBeLessThanOrEqual(asked)
        expect(kept).toBeGreaterThanOrEqual(asked - 1)
      }),
    )
  })

  test('parts no call from its result, and is the same when it is made twice', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (messages, count) => {
        const kept = wholeUntil(messages, count)
        const [first, rest] = [messages.slice(0, kept), messages.slice(kept)]
        expect(firstFlaw(first)).toBeUndefined()
        expect(firstFlaw(rest)).toBeUndefined()
        expect(wholeUntil(messages, kept)).toBe(kept)
        expect(wholeUntil(first, kept)).toBe(kept)
      }),
    )
  })

  test('leaves out a call at the end that has no result yet', () => {
    const call: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] }
    expect(wholeUntil([{ role: 'user', content: 'hello' }, call], 2)).toBe(1)
  })
})
