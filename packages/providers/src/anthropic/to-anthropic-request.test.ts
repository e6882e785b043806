import type { Message, ProviderRequest } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { toAnthropicRequest } from './to-anthropic-request.ts'

const style = {
  service: 'claude',
  maxOutputTokens: 1_000,
  promptCaching: false,
  cacheTtl: '5m',
  models: {},
  thinkingMode: 'budget',
  thinkingBudgets: { low: 1_024, medium: 2_048, high: 4_096 },
} as const
const user: Message = { role: 'user', content: 'hello' }
const call: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'c1', name: 'look', input: {} }] }
const result: Message = {
  role: 'tool',
  content: [{ type: 'tool-result', toolCallId: 'c1', name: 'look', content: 'seen', isError: false }],
}

function requestOf(messages: readonly Message[], rest: Partial<ProviderRequest> = {}) {
  return toAnthropicRequest({ model: 'm', messages, ...rest }, style).body
}

describe('a Messages API request', () => {
  test('declares the tools that its history has called, when the agent has none any more, and forbids to call them', () => {
    expect(requestOf([user, call, result])).toMatchObject({ tools: [{ name: 'look' }], tool_choice: { type: 'none' } })
    expect(requestOf([user])).not.toHaveProperty('tools')
  })

  test('keeps to the tools that the agent has', () => {
    const tools = [{ name: 'list', description: 'lists', inputSchema: { type: 'object' } }]
    const { tools: declared, tool_choice } = requestOf([user, call, result], { tools })
    expect([declared, tool_choice]).toMatchObject([[{ name: 'list' }], { type: 'auto' }])
    expect(declared).toHaveLength(1)
  })

  test('has no thinking at the end of an assistant message, and keeps it before calls and text', () => {
    const thinking = { type: 'thinking', text: 'hm', providerMetadata: { claude: { signature: 's' } } } as const
    const only: Message = { role: 'assistant', content: [thinking] }
    const before: Message = { role: 'assistant', content: [thinking, { type: 'text', text: 'so' }, thinking] }
    expect(requestOf([user, only, user]).messages).toMatchObject([{ role: 'user', content: [{ text: 'hello' }, { text: 'hello' }] }])
    expect(requestOf([user, before, user])).toMatchObject({ messages: [{}, { content: [{ type: 'thinking' }, { type: 'text' }] }, {}] })
  })

  test('does not think in a turn that began without, also where a message of the user has joined it', () => {
    const silent: Message = { role: 'assistant', content: [] }
    expect(requestOf([user, call, result], { thinking: 'low' })).not.toHaveProperty('thinking')
    expect(requestOf([user, call, result, user], { thinking: 'low' })).not.toHaveProperty('thinking')
    expect(requestOf([user, call, result, silent, user], { thinking: 'low' })).not.toHaveProperty('thinking')
    expect(requestOf([user], { thinking: 'low' })).toHaveProperty('thinking')
  })
})
