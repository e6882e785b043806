import { describe, expect, test } from 'vitest'
import { judgeRequest } from './judge-request.ts'
import { simulateConversations } from './simulate-conversations.ts'

describe('whole conversations', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('send nothing that a service refuses, and lose nothing: seed %i', async (seed) => {
    expect((await simulateConversations({ seed })).requests).toBeGreaterThan(0)
  })
})

describe('the judge of requests', () => {
  const use = { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'look', input: {} }] }
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'seen' }] }] }
  const user = { role: 'user', content: [{ type: 'text', text: 'hello' }] }
  const tools = [{ name: 'look', input_schema: { type: 'object' } }]

  test('takes a good request', () => {
    expect(judgeRequest('anthropic', JSON.stringify({ tools, messages: [user, use, result] }))).toEqual([])
  })

  test.each([
    ['no tools', { messages: [user, use, result] }, 'tools are declared where the history holds tool calls'],
    ['no result', { tools, messages: [user, use, user] }, 'the results of all tool calls come first in the next message'],
    ['half a pair', { messages: [{ role: 'user', content: [{ type: 'text', text: '\ud83d' }] }] }, 'text is well-formed Unicode'],
    ['blank text', { messages: [{ role: 'user', content: [{ type: 'text', text: ' ' }] }] }, 'a text block is not blank'],
  ])('finds %s', (_, body, rule) => {
    expect(judgeRequest('anthropic', JSON.stringify(body))).toContain(rule)
  })

  test('finds calls without answers in the other format, too', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }
    const body = { messages: [user, { role: 'assistant', content: null, tool_calls: [call] }, user] }
    expect(judgeRequest('openai', JSON.stringify(body))).toEqual(['all tool calls are answered before the next message'])
  })
})
