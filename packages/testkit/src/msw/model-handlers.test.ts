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
