import { describe, expect, test } from 'vitest'
import type { Message } from '../base/messages.ts'
import { estimateRequestTokens } from './token-estimate.ts'

const hundred = 'x'.repeat(100)

function estimate(...messages: readonly Message[]): number {
  return estimateRequestTokens({ model: 'small', messages })
}

describe('an estimate of tokens', () => {
  test('is one for every four characters, and four for each message', () => {
    expect(estimate({ role: 'user', content: hundred })).toBe(29)
    expect(estimate({ role: 'user', content: [{ type: 'text', text: hundred }] })).toBe(29)
    expect(estimateRequestTokens({ model: 'small', system: hundred, messages: [] })).toBe(25)
  })

  test('takes an image for what services charge, whatever its size in bytes', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'x'.repeat(1_000_000) } as const
    expect(estimate({ role: 'user', content: [image] })).toBe(1_604)
    const result = { type: 'tool-result', toolCallId: '1', name: 'look', content: [image], isError: false } as const
    expect(estimate({ role: 'tool', content: [result] })).toBe(1_604)
  })

  test('takes a file for its pages, and a text for its characters', () => {
    const file = { type: 'file', mediaType: 'application/pdf', data: 'x'.repeat(200_000) } as const
    expect(estimate({ role: 'user', content: [file] })).toBe(3 * 2_000 + 4)
    expect(estimate({ role: 'user', content: [{ ...file, mediaType: 'text/plain' }] })).toBe(150_000 / 4 + 4)
    const { data: _, ...named } = file
    expect(estimate({ role: 'user', content: [{ ...named, blob: 'a'.repeat(64), size: 400 }] })).toBe(2_004)
  })

  test('counts thinking, tool calls, tool results, declarations and schemas', () => {
    const call = { type: 'tool-call', id: '1', name: 'four', input: { a: 1 } } as const
    expect(
      estimate({
        role: 'assistant',
        content: [{ type: 'thinking', text: hundred, providerMetadata: { claude: { data: hundred } } }, call],
      }),
    ).toBe(63)
    expect(estimate({ role: 'assistant', content: [{ ...call, input: null, invalidInput: hundred }] })).toBe(30)
    const result = { type: 'tool-result', toolCallId: '1', name: 'four', content: hundred, isError: false } as const
    expect(estimate({ role: 'tool', content: [result] })).toBe(29)
    const tools = [{ name: 'four', description: hundred, inputSchema: { type: 'object' } }]
    expect(estimateRequestTokens({ model: 'small', messages: [], tools })).toBeGreaterThan(25)
    const responseFormat = { type: 'json', schema: { description: hundred } } as const
    expect(estimateRequestTokens({ model: 'small', messages: [], responseFormat })).toBeGreaterThan(25)
  })
})
