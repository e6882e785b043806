// The way of an answer back with the next request, through the real core, to a server that refuses what OpenAI refuses.
import { type AnswerPart, BeamClaw, type JsonObject, type Message, type RunningBeamClaw } from '@beamclaw/core'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'
import type { OpenAiResponsesProviderOptions } from './responses-options.ts'
import { completed, events } from './testing/exchange.ts'

const model = 'test/gpt-5.6'

interface Subject extends AsyncDisposable {
  readonly server: ModelServer
  readonly claw: RunningBeamClaw
}

async function subject(answers: readonly ModelAnswer[], options: OpenAiResponsesProviderOptions = {}): Promise<Subject> {
  const server = await startModelServer({ answers, dialect: 'openai-responses' })
  const provider = new OpenAiResponsesProvider({ baseUrl: server.baseUrl, apiKey: 'sk-trip-0123456789', service: 'openai', ...options })
  const claw = await new BeamClaw({ providers: { test: provider }, agents: [{ id: 'main', model, thinking: 'high' }] }).start()
  return {
    server,
    claw,
    [Symbol.asyncDispose]: async () => {
      await claw.stop()
      await server.stop()
    },
  }
}

const tools = ['look', 'weather'].map((name) => ({
  name,
  description: `Runs ${name}.`,
  inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
}))

const user = (content: string): Message => ({ role: 'user', content })
const result = (id: string, name: string, content: string) =>
  ({ type: 'tool-result', toolCallId: id, name, content, isError: false }) as const
const inputOf = ({ server }: Subject, index: number): readonly JsonObject[] =>
  (server.requests[index]?.body as JsonObject | undefined)?.input as readonly JsonObject[]

/** The items of a recorded stream, by the event that has them whole. */
function streamOf(items: readonly JsonObject[]): ModelAnswer {
  const done = items.map((item, index) => ({ type: 'response.output_item.done', output_index: index, item }))
  return { frames: events(...done, completed(items)) }
}

describe('an answer with thinking, a preamble and parallel calls', () => {
  it('goes back block for block, with the results after it, and so does the next', async () => {
    const first: ModelAnswer = {
      thinking: { text: 'Both of them.', signature: 'first' },
      text: 'I will look twice.',
      toolCalls: [
        { id: 'call_1', name: 'look', inputText: '{"city": "Zürich"}' },
        { id: 'call_2', name: 'weather', input: { city: '漢字 🦀' } },
      ],
    }
    const second: ModelAnswer = { thinking: { redacted: 'second' }, text: 'It rains.' }
    await using trip = await subject([first, second, { text: 'Bye.' }])
    const messages: Message[] = [user('Weather?')]
    const one = await trip.claw.generate({ model, messages, tools, thinking: 'high' })
    expect(one.finish).toBe('tool-calls')
    messages.push(one.message, { role: 'tool', content: [result('call_1', 'look', 'seen'), result('call_2', 'weather', 'rain')] })
    const two = await trip.claw.generate({ model, messages, tools, thinking: 'high' })
    messages.push(two.message, user('Thanks.'))
    const three = await trip.claw.generate({ model, messages, tools, thinking: 'high' })
    expect(three.text).toBe('Bye.')

    const sent = inputOf(trip, 2)
    const [sealedFirst, sealedSecond] = sent.filter(({ type }) => type === 'reasoning').map(({ encrypted_content }) => encrypted_content)
    expect(sent).toEqual([
      { role: 'user', content: 'Weather?' },
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Both of them.' }], encrypted_content: sealedFirst },
      { type: 'message', role: 'assistant', phase: 'commentary', content: [{ type: 'output_text', text: 'I will look twice.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"city": "Zürich"}' },
      { type: 'function_call', call_id: 'call_2', name: 'weather', arguments: '{"city":"漢字 🦀"}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'seen' },
      { type: 'function_call_output', call_id: 'call_2', output: 'rain' },
      { type: 'reasoning', summary: [], encrypted_content: sealedSecond },
      { type: 'message', role: 'assistant', phase: 'final_answer', content: [{ type: 'output_text', text: 'It rains.' }] },
      { role: 'user', content: 'Thanks.' },
    ])
    // A prefix that changes loses the cache, and with the newest models the thinking in it.
    expect(JSON.stringify(sent).startsWith(JSON.stringify(inputOf(trip, 1)).slice(0, -1))).toBe(true)
  })

  it('is refused when its thinking was changed, with the words of the service and what to do', async () => {
    await using trip = await subject([{ thinking: 'hm', text: 'So.' }, { text: 'Again.' }])
    const { message } = await trip.claw.generate({ model, messages: [user('Well?')], thinking: 'high' })
    const changed = JSON.parse(JSON.stringify(message).replace('gAAAA', 'gAAAA0')) as typeof message
    const again = (answer: typeof message) =>
      trip.claw.generate({ model, messages: [user('Well?'), answer, user('And?')], thinking: 'high' })
    await expect(again(changed)).rejects.toMatchObject({
      code: 'provider-bad-request',
      details: { providerCode: 'invalid_encrypted_content' },
      message: expect.stringMatching(/could not be verified.*the option "service"/s),
    })
    expect((await again(message)).text).toBe('Again.')
  })

  it('goes without its thinking to a model that does not think, which refuses that of others', async () => {
    await using trip = await subject([{ thinking: 'hm', text: 'So.' }, { text: 'Again.' }, { text: 'And again.' }])
    const { message } = await trip.claw.generate({ model, messages: [user('Well?')], thinking: 'high' })
    const messages = [user('Well?'), message, user('And?')]
    expect((await trip.claw.generate({ model: 'test/gpt-4.1', messages })).text).toBe('Again.')
    expect(inputOf(trip, 1)).toMatchObject([{ content: 'Well?' }, { type: 'message' }, { content: 'And?' }])
    await trip.claw.generate({ model: 'test/mine', messages })
    expect(inputOf(trip, 2)).toMatchObject([{}, { type: 'reasoning' }, { type: 'message' }, {}])
  })

  it('goes to its own service only, without thinking and with its text', async () => {
    await using trip = await subject([{ thinking: 'hm', text: 'So.' }, { text: 'Again.' }], { service: 'other' })
    const { message } = await trip.claw.generate({ model, messages: [user('Well?')], thinking: 'high' })
    await using elsewhere = await subject([{ text: 'Here.' }])
    await elsewhere.claw.generate({ model, messages: [user('Well?'), message, user('And?')], thinking: 'high' })
    expect(inputOf(elsewhere, 0)).toEqual([
      { role: 'user', content: 'Well?' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'So.' }] },
      { role: 'user', content: 'And?' },
    ])
  })
})

describe('an answer with items of the service', () => {
  it('goes back with all of them, unharmed and in their places', async () => {
    const items: readonly JsonObject[] = [
      {
        type: 'mcp_list_tools',
        id: 'mcpl_1',
        server_label: 'cities',
        tools: [{ name: 'look', input_schema: { type: 'object' }, annotations: null }],
      },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: '漢字', sources: [] } },
      { type: 'code_interpreter_call', id: 'ci_1', status: 'completed', code: 'print("ä")', container_id: 'cntr_1', outputs: null },
      {
        type: 'mcp_call',
        id: 'mcp_1',
        name: 'look',
        arguments: '{ }',
        server_label: 'cities',
        output: '🦀',
        error: null,
        approval_request_id: null,
      },
      { type: 'compaction', id: 'cmp_1', encrypted_content: 'gAAAA-compact' },
    ]
    const spoken = {
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'So.', annotations: [] }],
    }
    await using trip = await subject([streamOf([...items, spoken]), { text: 'Again.' }])
    const { message } = await trip.claw.generate({ model, messages: [user('Well?')] })
    expect(message.content.map(({ type }: AnswerPart) => type)).toEqual(['custom', 'custom', 'custom', 'custom', 'custom', 'text'])
    await trip.claw.generate({ model, messages: [user('Well?'), message, user('And?')] })
    expect(inputOf(trip, 1)).toEqual([
      { role: 'user', content: 'Well?' },
      ...items,
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'So.' }] },
      { role: 'user', content: 'And?' },
    ])
  })

  it('of several blocks and a refusal goes back as one message', async () => {
    const content = [
      { type: 'output_text', text: 'First.' },
      { type: 'output_text', text: 'Second.' },
      { type: 'refusal', refusal: 'No more.' },
    ]
    const spoken = { type: 'message', role: 'assistant', status: 'completed', phase: 'final_answer', content }
    await using trip = await subject([streamOf([spoken]), { text: 'Again.' }])
    const { message, finish } = await trip.claw.generate({ model, messages: [user('Well?')] })
    expect(finish).toBe('content-filter')
    await trip.claw.generate({ model, messages: [user('Well?'), message, user('And?')] })
    expect(inputOf(trip, 1)[1]).toEqual({ type: 'message', role: 'assistant', phase: 'final_answer', content })
  })
})

describe('what the service would refuse', () => {
  it('is not sent: sampling, levels, limits, schemas and formats that it does not take', async () => {
    const answers = Array.from({ length: 8 }, (): ModelAnswer => ({ text: '{}' }))
    await using trip = await subject(answers)
    const ask = (more: object) => trip.claw.generate({ model, messages: [user('Well?')], ...more })
    await ask({ thinking: 'high', temperature: 0.5, topP: 0.5, maxOutputTokens: 1, stopSequences: ['.'], userId: 'u'.repeat(100) })
    for (const name of ['gpt-5', 'gpt-5.1', 'gpt-6.2-sol', 'o3', 'gpt-4.1']) await ask({ model: `test/${name}`, temperature: 0.5 })
    await ask({
      tools,
      responseFormat: { type: 'json', name: 'a b', schema: { type: 'object', properties: { a: { type: 'string', minLength: 2 } } } },
    })
    await ask({ responseFormat: { type: 'json' } })
    expect(trip.server.requests).toHaveLength(8)
  })
})
