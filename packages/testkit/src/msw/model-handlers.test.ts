import { textAnswer, toolAnswer } from '@beamclaw/core/testing'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { expect, onTestFinished, test } from 'vitest'
import { modelHandlers } from './model-handlers.ts'

test('handlers stand beside those of the host, and share one script', async () => {
  const model = modelHandlers(http, {
    baseUrl: 'https://models.example/v1',
    answers: (_, index) => {
      if (index === 1) throw new Error('the script is wrong')
      return `answer ${index}`
    },
  })
  const server = setupServer(
    http.get('https://models.example/health', () => HttpResponse.text('fine')),
    ...model.handlers,
  )
  server.listen()
  onTestFinished(() => server.close())
  const ask = (path: string): Promise<Response> => fetch(`https://models.example${path}`, { method: 'POST', body: '{"model":"m"}' })
  expect(await (await fetch('https://models.example/health')).text()).toBe('fine')
  expect(await (await ask('/v1/chat/completions')).json()).toMatchObject({ choices: [{ message: { content: 'answer 0' } }] })
  const failed = await ask('/v1/messages')
  expect([failed.status, await failed.text()]).toEqual([500, 'Error: the script is wrong'])
  expect(await (await ask('/v1/messages')).json()).toMatchObject({ content: [{ type: 'text', text: 'answer 2' }] })
  expect(model.requests.map(({ protocol, body }) => [protocol, body])).toEqual([
    ['openai', { model: 'm' }],
    ['anthropic', { model: 'm' }],
    ['anthropic', { model: 'm' }],
  ])
})

const ask = async (path: string): Promise<unknown> =>
  (await fetch(`https://models.example/v1${path}`, { method: 'POST', body: '{"model":"m"}' })).json()

test('answers of the scripted provider are answers here too, with their tokens', async () => {
  const cut = [
    { type: 'thinking-delta', text: 'hm' },
    { type: 'text-delta', text: 'half' },
    { type: 'finish', reason: 'length', usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0 } },
  ] as const
  const model = modelHandlers(http, {
    baseUrl: 'https://models.example/v1',
    answers: [
      toolAnswer('weather', { city: 'Bern' }, { usage: { inputTokens: 7 } }),
      toolAnswer('weather', { city: 'Bern' }, { id: 'one' }),
      (request, index) => textAnswer(`${request.path} ${index}`, { outputTokens: 3 }),
      { parts: cut },
      cut,
    ],
  })
  const server = setupServer(...model.handlers)
  server.listen()
  onTestFinished(() => server.close())
  const call = { id: 'call_weather', function: { name: 'weather', arguments: '{"city":"Bern"}' } }
  expect(await ask('/chat/completions')).toMatchObject({
    choices: [{ message: { content: null, tool_calls: [call] }, finish_reason: 'tool_calls' }],
    usage: { prompt_tokens: 7, completion_tokens: 0 },
  })
  const use = { type: 'tool_use', id: 'one', name: 'weather', input: { city: 'Bern' } }
  expect(await ask('/messages')).toMatchObject({ content: [use], stop_reason: 'tool_use' })
  expect(await ask('/messages')).toMatchObject({ content: [{ text: '/v1/messages 2' }], usage: { output_tokens: 3 } })
  expect(await ask('/chat/completions')).toMatchObject({ choices: [{ message: { content: 'half' }, finish_reason: 'length' }] })
  expect(await ask('/messages')).toMatchObject({ content: [{ text: 'half' }], stop_reason: 'max_tokens' })
})

test.each([
  [undefined, /answers\[0\] must be a text, an answer such as .*, received undefined/],
  [5, /received 5/],
  [{ txt: 'hi' }, /answers\[0\]: unknown option "txt"; did you mean "text"\?/],
  [{ content: 'hi' }, /unknown option "content"; known options are text, thinking, toolCalls/],
])('what is no answer is refused, and never sent as an empty one: %j', async (answer, message) => {
  const problem = expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) })
  expect(() => modelHandlers(http, { answers: [answer as never] })).toThrow(problem)
  expect(() => modelHandlers(http).enqueue(answer as never)).toThrow(problem)
  const model = modelHandlers(http, { baseUrl: 'https://models.example/v1', answers: () => answer as never })
  const server = setupServer(...model.handlers)
  server.listen()
  onTestFinished(() => server.close())
  expect((await fetch('https://models.example/v1/messages', { method: 'POST', body: '{}' })).status).toBe(500)
})
