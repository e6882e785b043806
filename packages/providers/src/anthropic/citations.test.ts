// Citations stay with their text, and those of a search go back with it.
import { type AssistantMessage, BeamClaw, type JsonObject, type Message } from '@beamclaw/core'
import { type ModelServer, type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, test } from 'vitest'
import { Warnings } from '../shared/warnings.ts'
import { AnthropicProvider } from './anthropic-provider.ts'
import { toTurns } from './to-anthropic-turns.ts'

const model = 'claude-opus-5'
const user = (content: string): Message => ({ role: 'user', content })
const cited = (index: string): JsonObject => ({
  type: 'web_search_result_location',
  url: 'https://example.com/a',
  title: 'Lübeck',
  encrypted_index: index,
  cited_text: 'A town',
})
const page = {
  type: 'page_location',
  document_index: 0,
  document_title: null,
  file_id: 'f',
  start_page_number: 1,
  end_page_number: 2,
  cited_text: 'x',
}

/** The events of a block of text; text and citations come in the order given. */
function textBlock(index: number, ...pieces: readonly (string | JsonObject)[]): readonly JsonObject[] {
  const deltas = pieces.map((piece) =>
    typeof piece === 'string' ? { type: 'text_delta', text: piece } : { type: 'citations_delta', citation: piece },
  )
  return [
    { type: 'content_block_start', index, content_block: { type: 'text', text: '', citations: [] } },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

function streamed(stopReason: string, ...events: readonly JsonObject[]): { readonly frames: readonly SseFrame[] } {
  const begin = { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } }
  const end = [{ type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: 2 } }, { type: 'message_stop' }]
  return { frames: [begin, ...events, ...end].map((data) => ({ event: data.type, data }) as SseFrame) }
}

interface Talk {
  readonly message: AssistantMessage
  /** The turn of the assistant in the last request. */
  readonly turn: JsonObject | undefined
  readonly server: ModelServer
}

/** Asks, and asks again with the answer. */
async function talk(answers: readonly object[], extraBody: JsonObject = {}): Promise<Talk> {
  await using server = await startModelServer({ answers: [...answers, 'Yes.'] as never, dialect: 'anthropic' })
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, service: 'claude', extraBody })
  const claw = await new BeamClaw({ providers: { claude: provider }, agents: [{ id: 'main', model: `claude/${model}` }] }).start()
  try {
    const { message } = await claw.generate({ model: `claude/${model}`, messages: [user('Where?')] })
    await claw.generate({ model: `claude/${model}`, messages: [user('Where?'), message, user('Sure?')] })
    const body = server.requests.at(-1)?.body as { readonly messages: readonly JsonObject[] } | undefined
    return { message, turn: body?.messages[1], server }
  } finally {
    await claw.stop()
  }
}

describe('citations', () => {
  test('stay with their own text, and go back with it', async () => {
    const answer = streamed(
      'end_turn',
      ...textBlock(0, 'I looked.'),
      ...textBlock(1, cited('Eo8B'), 'It is a town', cited('Eo8C')),
      ...textBlock(2, ' by the sea.'),
    )
    const { message, turn } = await talk([answer])
    const citations = [cited('Eo8B'), cited('Eo8C')]
    expect(message.content).toEqual([
      { type: 'text', text: 'I looked.' },
      { type: 'text', text: 'It is a town', providerMetadata: { claude: { citations } } },
      { type: 'text', text: ' by the sea.' },
    ])
    expect(turn).toEqual({
      role: 'assistant',
      content: [
        { type: 'text', text: 'I looked.' },
        { type: 'text', text: 'It is a town', citations },
        { type: 'text', text: ' by the sea.' },
      ],
    })
  })

  test('are read from an answer that is not streamed', async () => {
    const content = [
      { type: 'text', text: 'A town.', citations: [cited('Eo8B')] },
      { type: 'text', text: 'So.', citations: null },
    ]
    const raw = JSON.stringify({ type: 'message', content, stop_reason: 'end_turn', usage: { input_tokens: 1, output_tokens: 2 } })
    const { turn } = await talk([{ raw, delivery: { contentType: 'application/json' } }])
    expect(turn?.content).toEqual([content[0], { type: 'text', text: 'So.' }])
  })

  test('go back when the service is asked for the rest of its answer', async () => {
    const paused = streamed('pause_turn', ...textBlock(0, 'A town.', cited('Eo8B')))
    const { server, message } = await talk([paused, { text: 'By the sea.' }])
    expect(server.requests[1]?.body).toMatchObject({ messages: [{}, { content: [{ text: 'A town.', citations: [cited('Eo8B')] }] }] })
    expect(message.content).toMatchObject([{ text: 'A town.' }, { text: 'By the sea.' }])
  })

  test('of documents are kept to be shown, and do not go back: a document may have left the conversation', async () => {
    const { message, turn } = await talk([streamed('end_turn', ...textBlock(0, 'So.', page, cited('Eo8B')))])
    expect(message.content).toMatchObject([{ providerMetadata: { claude: { citations: [page, cited('Eo8B')] } } }])
    expect(turn?.content).toEqual([{ type: 'text', text: 'So.', citations: [cited('Eo8B')] }])
  })

  test('that are too large, or of an empty text, are not kept', async () => {
    const huge = cited('E'.repeat(1_100_000))
    const { message } = await talk([
      streamed('end_turn', ...textBlock(0, 'So.', huge), ...textBlock(1, cited('Eo8B')), ...textBlock(2, 'Yes.')),
    ])
    expect(message.content).toEqual([
      { type: 'text', text: 'So.' },
      { type: 'text', text: 'Yes.' },
    ])
  })

  test.each<[string, unknown, readonly JsonObject[] | undefined]>([
    ['no list', { 0: cited('E') }, undefined],
    ['an empty list', [], undefined],
    ['no objects', ['x', null], undefined],
    ['no index', [{ ...cited('E'), encrypted_index: 5 }], undefined],
    ['no address', [{ ...cited('E'), url: undefined }], undefined],
    ['a title that is no text', [{ ...cited('E'), title: {} }], [{ ...cited('E'), title: null }]],
    ['fields of its own', [{ ...cited('E'), cache_control: { type: 'ephemeral' } }], [cited('E')]],
  ])('of an import are read with care: %s', (_, citations, expected) => {
    const providerMetadata = { claude: { citations } as JsonObject }
    const turns = toTurns(
      [{ role: 'assistant', content: [{ type: 'text', text: 'So.', providerMetadata }] }],
      { service: 'claude', warnings: new Warnings() },
      undefined,
    )
    expect(turns[0]?.content).toEqual([{ type: 'text', text: 'So.', ...(expected === undefined ? {} : { citations: expected }) }])
  })
})

test('texts before and after a pause stay apart', async () => {
  const paused = (text: string) => streamed('pause_turn', ...textBlock(0, text))
  const { server, message } = await talk([paused('I search. '), paused('I search on. '), { text: 'Done.' }])
  const blocks = ['I search. ', 'I search on. '].map((text) => ({ type: 'text', text }))
  expect(server.requests[2]?.body).toMatchObject({ messages: [{}, { content: blocks }] })
  expect(message.content).toEqual([...blocks, { type: 'text', text: 'Done.' }])
})
