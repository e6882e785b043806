import { describe, expect, test } from 'vitest'
import type { Message } from '../messages.ts'
import { estimateInputTokens, OutputMeter } from './token-estimate.ts'

const hundred = 'x'.repeat(100)

function estimate(...messages: readonly Message[]): number {
  return estimateInputTokens({ model: 'small', messages })
}

describe('an estimate of tokens', () => {
  test('is one for every four characters, and four for each message', () => {
    expect(estimate({ role: 'user', content: hundred })).toBe(29)
    expect(estimate({ role: 'user', content: [{ type: 'text', text: hundred }] })).toBe(29)
    expect(estimateInputTokens({ model: 'small', system: hundred, messages: [] })).toBe(25)
  })

  test('takes an image for what services charge, whatever its size in bytes', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'x'.repeat(1_000_000) } as const
    expect(estimate({ role: 'user', content: [image] })).toBe(1_604)
    const result = { type: 'tool-result', toolCallId: '1', name: 'look', content: [image], isError: false } as const
    expect(estimate({ role: 'tool', content: [result] })).toBe(1_604)
  })

  test('counts thinking, tool calls, tool results, declarations and schemas', () => {
    const call = { type: 'tool-call', id: '1', name: 'four', input: { a: 1 } } as const
    expect(estimate({ role: 'assistant', content: [{ type: 'thinking', text: hundred, redacted: hundred }, call] })).toBe(57)
    expect(estimate({ role: 'assistant', content: [{ ...call, input: null, invalidInput: hundred }] })).toBe(30)
    const result = { type: 'tool-result', toolCallId: '1', name: 'four', content: hundred, isError: false } as const
    expect(estimate({ role: 'tool', content: [result] })).toBe(29)
    const tools = [{ name: 'four', description: hundred, inputSchema: { type: 'object' } }]
    expect(estimateInputTokens({ model: 'small', messages: [], tools })).toBeGreaterThan(25)
    const responseFormat = { type: 'json', schema: { description: hundred } } as const
    expect(estimateInputTokens({ model: 'small', messages: [], responseFormat })).toBeGreaterThan(25)
  })

  test('of an answer that broke off is what was sent and what was seen', () => {
    const meter = new OutputMeter()
    expect(meter.hasOutput).toBe(false)
    meter.add({ type: 'thinking-delta', text: hundred })
    meter.add({ type: 'text-delta', text: hundred })
    meter.add({ type: 'tool-call-delta', id: '1', inputText: hundred })
    expect(meter.hasOutput).toBe(true)
    expect(meter.usage(7)).toEqual({ inputTokens: 7, outputTokens: 75, cacheReadTokens: 0, cacheWriteTokens: 0 })
  })

  test('of an answer that broke off counts a call that came whole, and one that came in pieces once', () => {
    const whole = new OutputMeter()
    whole.add({ type: 'tool-call', id: '1', name: 'four', input: { a: hundred } })
    expect(whole.tokens).toBe(28)
    const inPieces = new OutputMeter()
    inPieces.add({ type: 'tool-call-start', id: '1', name: 'four' })
    inPieces.add({ type: 'tool-call-delta', id: '1', inputText: JSON.stringify({ a: hundred }) })
    inPieces.add({ type: 'tool-call', id: '1', name: 'four', input: { a: hundred } })
    expect(inPieces.tokens).toBe(28)
  })
})
