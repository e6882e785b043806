import { describe, expect, test } from 'vitest'
import { OutputMeter } from './output-meter.ts'

const hundred = 'x'.repeat(100)

describe('an estimate of tokens', () => {
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
