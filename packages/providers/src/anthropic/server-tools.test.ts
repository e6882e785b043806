// Calls of the service's own tools go back with their results or not at all: the server refuses one without the other, as Anthropic does.
import { BeamClaw, type JsonObject, type Message, type ProviderRequest, type RunningBeamClaw } from '@beamclaw/core'
import { type ModelServer, type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AnthropicProvider } from './anthropic-provider.ts'

const model = 'claude-opus-5'
const search = { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }
const text = (value: string): JsonObject => ({ type: 'text', text: value })
const call = (id: string, input: JsonObject = { query: 'x' }): JsonObject => ({ type: 'server_tool_use', id, name: 'web_search', input })
const result = (id: string, content: JsonObject[] = []): JsonObject => ({ type: 'web_search_tool_result', tool_use_id: id, content })

/** An answer of blocks; beside a call there may be the text of its input, as far as it came. */
function answer(
  stopReason: string,
  ...blocks: readonly (JsonObject | readonly [JsonObject, string])[]
): { readonly frames: readonly SseFrame[] } {
  const events = blocks.flatMap((given, index): readonly JsonObject[] => {
    const [block, partial_json = ''] = Array.isArray(given) ? (given as readonly [JsonObject, string]) : [given as JsonObject]
    const start = { type: 'content_block_start', index, content_block: block }
    const delta = { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } }
    return [start, ...(partial_json === '' ? [] : [delta]), { type: 'content_block_stop', index }]
  })
  const begin = { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } }
  const end = [{ type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: 2 } }, { type: 'message_stop' }]
  return { frames: [begin, ...events, ...end].map((data) => ({ event: data.type, data }) as SseFrame) }
}

async function talk(...answers: readonly object[]): Promise<{ readonly claw: RunningBeamClaw; readonly server: ModelServer }> {
  const server = await startModelServer({ answers: answers as never, dialect: 'anthropic' })
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude', promptCaching: false, extraBody: search })
  const claw = await new BeamClaw({ providers: { claude: provider }, agents: [{ id: 'main', model: `claude/${model}` }] }).start()
  onTestFinished(async () => {
    await claw.stop()
    await server.stop()
  })
  return { claw, server }
}

function turnsOf(server: ModelServer, index: number): readonly JsonObject[] {
  const body = server.requests.at(index)?.body as { readonly messages: readonly JsonObject[] } | undefined
  return body?.messages ?? []
}

const contentOf = (server: ModelServer, index: number): unknown => turnsOf(server, index).map(({ content }) => content)

describe('a call of a tool of the service', () => {
  test('that the limit of the output cut off does not stay in the conversation', async () => {
    const { claw, server } = await talk(answer('max_tokens', text('I look.'), [call('srvtoolu_1', {}), '{"query": "wea']), { text: 'Yes.' })
    const session = claw.session('agent:main:main')
    expect((await session.send('Weather?').result()).text).toBe('I look.')
    expect((await session.history()).messages[1]?.message.content).toEqual([{ type: 'text', text: 'I look.' }])
    expect((await session.send('And?').result()).text).toBe('Yes.')
    expect(contentOf(server, -1)).toEqual([[text('Weather?')], [text('I look.')], [text('And?')]])
  })

  test('that had no result when an answer of parallel calls was cut goes no further', async () => {
    const { claw, server } = await talk(answer('max_tokens', call('a'), call('b'), result('a'), [call('c', {}), '{"q']), { text: 'Yes.' })
    await claw.session('agent:main:main').send('Weather?').result()
    await claw.session('agent:main:main').send('And?').result()
    expect(contentOf(server, -1)).toEqual([[text('Weather?')], [call('a'), result('a')], [text('And?')]])
  })

  test('goes back without a result only to be run, when the service has paused', async () => {
    const paused = answer('pause_turn', text('I look.'), call('srvtoolu_1'))
    const { claw, server } = await talk(...Array(21).fill(paused), { text: 'Yes.' })
    await claw.session('agent:main:main').send('Weather?').result()
    expect(server.requests).toHaveLength(21)
    expect(contentOf(server, 1)).toEqual([[text('Weather?')], [text('I look.'), call('srvtoolu_1')]])
    expect((await claw.session('agent:main:main').send('And?').result()).text).toBe('Yes.')
    expect(JSON.stringify(contentOf(server, -1))).not.toContain('srvtoolu_1')
  })
})

describe('a history', () => {
  const kept = (block: JsonObject) => ({ type: 'custom', kind: String(block.type), providerMetadata: { claude: { block } } }) as const
  const use = { type: 'tool-call', id: 'c1', name: 'look', input: {} } as const
  const used: Message = {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: 'c1', name: 'look', content: 'seen', isError: false }],
  }
  const user = (content: string): Message => ({ role: 'user', content })
  const assistant = (...content: Extract<Message, { role: 'assistant' }>['content']): Message => ({ role: 'assistant', content })
  const so = { type: 'text', text: 'So.' } as const

  /** Asks the strict server, and returns the types of the blocks of each assistant turn. */
  async function sent(...messages: readonly Message[]): Promise<readonly (readonly unknown[])[]> {
    await using server = await startModelServer({ answers: ['fine'], dialect: 'anthropic' })
    const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude' })
    const request: ProviderRequest = { model, messages }
    for await (const _ of provider.doStream(request, { signal: new AbortController().signal }));
    return turnsOf(server, 0)
      .filter(({ role }) => role === 'assistant')
      .map(({ content }) => (content as JsonObject[]).map(({ type }) => type))
  }

  const [open, closed] = [kept(call('a')), kept(result('a'))]
  const [server_tool_use, web_search_tool_result, tool_use] = ['server_tool_use', 'web_search_tool_result', 'tool_use']

  test.each<[string, readonly Message[], readonly (readonly string[])[]]>([
    ['keeps a pair', [user('?'), assistant(open, closed, so), user('!')], [[server_tool_use, web_search_tool_result, 'text']]],
    ['loses a call without a result', [user('?'), assistant(open, so), user('!')], [['text']]],
    ['loses an answer that was such a call alone', [user('?'), assistant(open), user('!')], []],
    ['loses a result without a call', [user('?'), assistant(closed, so), user('!')], [['text']]],
    ['loses a result before its call', [user('?'), assistant(closed, open, so), user('!')], [['text']]],
    ['loses a second result', [user('?'), assistant(open, closed, closed), user('!')], [[server_tool_use, web_search_tool_result]]],
    ['loses a call that has no id', [user('?'), assistant(kept({ ...call('a'), id: 5 }), so), user('!')], [['text']]],
    ['keeps a call that waits for results of other tools', [user('?'), assistant(open, use), used], [[server_tool_use, tool_use]]],
    [
      'keeps a result that came after those',
      [user('?'), assistant(open, use), used, assistant(closed, so), user('!')],
      [
        [server_tool_use, tool_use],
        [web_search_tool_result, 'text'],
      ],
    ],
    [
      'loses a call whose result did not come after those',
      [
        user('?'),
        assistant(open, use),
        used,
        assistant({ ...use, id: 'c2' }),
        { ...used, content: [{ ...used.content[0], toolCallId: 'c2' }] } as Message,
      ],
      [[tool_use], [tool_use]],
    ],
  ])('%s', async (_, messages, expected) => expect(await sent(...messages)).toEqual(expected))
})

test('the server refuses calls and results of its tools that stand alone', async () => {
  await using server = await startModelServer({ answers: () => 'fine', dialect: 'anthropic' })
  const refusal = async (...contents: readonly (readonly JsonObject[])[]): Promise<unknown> => {
    const messages = contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }))
    const body = JSON.stringify({ model, max_tokens: 5, messages })
    const response = await fetch(`${server.baseUrl}/messages`, { method: 'POST', headers: { 'anthropic-version': '2023-06-01' }, body })
    const { error } = (await response.json()) as { readonly error?: { readonly message: string } }
    return error?.message
  }
  const alone = 'messages.1: `web_search` tool use with id `a` was found without a corresponding `web_search_tool_result` block'
  expect(await refusal([text('?')], [call('a')], [text('!')])).toBe(alone)
  expect(await refusal([text('?')], [call('a'), text('So.')], [text('!')])).toBe(alone)
  expect(await refusal([text('?')], [call('a'), result('a')], [text('!')])).toBeUndefined()
  expect(await refusal([text('?')], [call('a')])).toBeUndefined()
  expect(await refusal([text('?')], [result('a')], [text('!')])).toContain(
    'unexpected `tool_use_id` found in `web_search_tool_result` blocks: a.',
  )
})
