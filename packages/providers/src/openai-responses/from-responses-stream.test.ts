import type { JsonObject, ProviderPart } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { completed, events, exchange, incomplete } from './testing/exchange.ts'

const heard = async (...given: readonly JsonObject[]): Promise<readonly ProviderPart[]> =>
  (await exchange({ frames: events(...given) })).parts

const added = (index: number, item: JsonObject): JsonObject => ({ type: 'response.output_item.added', output_index: index, item })
const done = (index: number, item: JsonObject): JsonObject => ({ type: 'response.output_item.done', output_index: index, item })
const text = (index: number, delta: string, block = 0): JsonObject => ({
  type: 'response.output_text.delta',
  output_index: index,
  content_index: block,
  delta,
})
const input = (index: number, delta: string): JsonObject => ({ type: 'response.function_call_arguments.delta', output_index: index, delta })
const message = (...content: readonly JsonObject[]): JsonObject => ({ type: 'message', status: 'completed', role: 'assistant', content })
const block = (value: string): JsonObject => ({ type: 'output_text', text: value })
const call = (id: string, args: string, status = 'completed'): JsonObject => ({
  type: 'function_call',
  call_id: id,
  name: 'look',
  arguments: args,
  status,
})
const sealedThought = { type: 'reasoning', summary: [], encrypted_content: 'gAAAA1' }
const kept = (fields: JsonObject) => ({ providerMetadata: { test: fields } })
const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

const textDelta = (value: string): ProviderPart => ({ type: 'text-delta', text: value })
const lookCall = (id: string, value: JsonObject): ProviderPart => ({ type: 'tool-call', id, name: 'look', input: value })
const finish = (reason: string): unknown => ({ type: 'finish', reason, usage })

describe('items', () => {
  it('come in their order, whichever is worked on first', async () => {
    const parts = await heard(
      added(0, call('a', '')),
      added(1, call('b', '')),
      input(1, '{"b":1}'),
      done(1, call('b', '{"b":1}')),
      added(2, message()),
      text(2, 'so'),
      input(0, '{"a":1}'),
      done(0, call('a', '{"a":1}')),
      completed(),
    )
    expect(parts).toEqual([
      { type: 'tool-call-start', id: 'a', name: 'look' },
      { type: 'tool-call-delta', id: 'a', inputText: '{"a":1}' },
      lookCall('a', { a: 1 }),
      { type: 'tool-call-start', id: 'b', name: 'look' },
      { type: 'tool-call-delta', id: 'b', inputText: '{"b":1}' },
      lookCall('b', { b: 1 }),
      textDelta('so'),
      { type: 'text-end' },
      finish('tool-calls'),
    ])
  })

  it('wait for thinking that is encrypted, and not for thinking in clear text', async () => {
    const begun = { type: 'reasoning', summary: [] }
    const clear = { type: 'response.reasoning_text.delta', output_index: 0, delta: 'hm' }
    const late = { ...begun, content: [{ type: 'reasoning_text', text: 'hm' }] }
    const encrypted = await heard(added(0, begun), added(1, message()), text(1, 'so'), done(0, sealedThought), completed())
    expect(encrypted).toEqual([
      { type: 'thinking-end', ...kept({ item: sealedThought }) },
      textDelta('so'),
      { type: 'text-end' },
      finish('stop'),
    ])
    const open = await heard(added(0, begun), clear, added(1, message()), text(1, 'so'), done(0, late), completed([late]))
    expect(open).toEqual([
      { type: 'thinking-delta', text: 'hm' },
      { type: 'thinking-end', ...kept({ item: late }) },
      textDelta('so'),
      { type: 'text-end' },
      finish('stop'),
    ])
  })

  it('may come whole, or only with the last event', async () => {
    const output = [sealedThought, message(block('so')), call('a', '{}')]
    const expected = [
      { type: 'thinking-end', ...kept({ item: sealedThought }) },
      textDelta('so'),
      { type: 'text-end' },
      { type: 'tool-call-start', id: 'a', name: 'look' },
      lookCall('a', {}),
      finish('tool-calls'),
    ]
    expect(await heard(...output.map((item, index) => done(index, item)), completed(output))).toEqual(expected)
    expect(await heard(completed(output))).toEqual(expected)
    const whole = { ...(completed(output).response as JsonObject), object: 'response' }
    expect((await exchange({ raw: JSON.stringify(whole), delivery: { contentType: 'application/json' } })).parts).toEqual(expected)
  })

  it('are read once, though the last event repeats them', async () => {
    const repeated = completed([message(block('other')), call('c', '{"c":1}')])
    const parts = await heard(
      done(0, message(block('so'))),
      done(1, call('a', '{}')),
      done(0, message(block('again'))),
      text(0, 'more'),
      repeated,
    )
    expect(parts).toEqual([
      textDelta('so'),
      { type: 'text-end' },
      { type: 'tool-call-start', id: 'a', name: 'look' },
      lookCall('a', {}),
      finish('tool-calls'),
    ])
  })

  it('may be closed by the last event alone', async () => {
    const parts = await heard(
      added(0, message()),
      text(0, 'so'),
      added(1, { type: 'web_search_call' }),
      completed([message(block('so far')), { type: 'web_search_call', id: 'ws' }]),
    )
    expect(parts).toEqual([
      textDelta('so'),
      textDelta(' far'),
      { type: 'text-end' },
      { type: 'custom', kind: 'web_search_call', ...kept({ item: { type: 'web_search_call', id: 'ws' } }) },
      finish('stop'),
    ])
  })
})

describe('text', () => {
  it('has blocks, each with what is needed back, and a refusal among them', async () => {
    const parts = await heard(
      added(0, { ...message(), phase: 'commentary' }),
      text(0, 'a'),
      text(0, 'b', 1),
      { type: 'response.refusal.delta', output_index: 0, content_index: 2, delta: 'No' },
      { type: 'response.refusal.done', output_index: 0, content_index: 2, refusal: 'No.' },
      done(0, { ...message(block('a'), block('b'), { type: 'refusal', refusal: 'No.' }), phase: 'final_answer' }),
      completed(),
    )
    expect(parts).toEqual([
      textDelta('a'),
      { type: 'text-end', ...kept({ phase: 'commentary' }) },
      textDelta('b'),
      { type: 'text-end', ...kept({ phase: 'commentary', continues: true }) },
      textDelta('No'),
      textDelta('.'),
      { type: 'text-end', ...kept({ phase: 'final_answer', refusal: true, continues: true }) },
      finish('content-filter'),
    ])
  })

  it('is complete where pieces of it are missing', async () => {
    const whole = { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'so far' }
    expect(await heard(text(0, 'so'), whole, completed())).toEqual([
      textDelta('so'),
      textDelta(' far'),
      { type: 'text-end' },
      finish('stop'),
    ])
    expect(await heard(done(0, message(block('so'), { type: 'image' }, block(''))), completed())).toEqual([
      textDelta('so'),
      { type: 'text-end' },
      finish('stop'),
    ])
  })
})

describe('thinking', () => {
  const summary = (index: number, delta: string): JsonObject => ({
    type: 'response.reasoning_summary_text.delta',
    output_index: 0,
    summary_index: index,
    delta,
  })

  it('is the summary, its blocks apart', async () => {
    const item = {
      ...sealedThought,
      summary: [
        { type: 'summary_text', text: 'ab' },
        { type: 'summary_text', text: 'c' },
      ],
    }
    const parts = await heard(
      added(0, sealedThought),
      summary(0, 'a'),
      summary(0, 'b'),
      summary(1, 'c'),
      done(0, { ...item, id: 'rs', status: 'completed', content: [] }),
      completed(),
    )
    expect(parts).toEqual([
      ...['a', 'b', '\n\n', 'c'].map((value) => ({ type: 'thinking-delta', text: value })),
      { type: 'thinking-end', ...kept({ item: { ...item, id: 'rs' } }) },
      finish('stop'),
    ])
  })

  it('is not told twice where it comes in clear text as well', async () => {
    const item = { ...sealedThought, summary: [{ type: 'summary_text', text: 'a' }], content: [{ type: 'reasoning_text', text: 'long' }] }
    const clear = { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'long' }
    const parts = await heard(summary(0, 'a'), clear, done(0, item), completed())
    expect(parts.slice(0, -1)).toEqual([
      { type: 'thinking-delta', text: 'a' },
      { type: 'thinking-end', ...kept({ item }) },
    ])
  })

  it('has nothing to send back where it is neither encrypted nor in clear text', async () => {
    const item = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'a' }], encrypted_content: null }
    expect(await heard(done(0, item), completed())).toEqual([
      { type: 'thinking-delta', text: 'a' },
      { type: 'thinking-end' },
      finish('stop'),
    ])
    expect(await heard(done(0, { type: 'reasoning', summary: [] }), completed())).toEqual([finish('stop')])
  })
})

describe('the end', () => {
  it.each([
    ['max_output_tokens', 'length'],
    ['max_tokens', 'length'],
    ['content_filter', 'content-filter'],
    ['other_reason', 'other'],
    ['__proto__', 'other'],
  ])('for the reason %s is %s', async (reason, expected) => {
    expect((await heard(text(0, 'so'), incomplete(reason))).at(-1)).toEqual(finish(expected))
  })

  it('is that of the status where a gateway names the event otherwise', async () => {
    const { response } = incomplete('max_output_tokens')
    expect((await heard({ type: 'response.completed', response } as JsonObject)).at(-1)).toEqual(finish('length'))
    const failed = { type: 'response.completed', response: { status: 'failed', error: { code: 'server_error', message: 'Broken.' } } }
    await expect(heard(failed)).rejects.toMatchObject({ code: 'provider-server' })
  })

  it('leaves out a call that was cut off, and keeps those before', async () => {
    const cut = (...given: readonly JsonObject[]): Promise<readonly ProviderPart[]> =>
      heard(done(0, call('a', '{}')), added(1, call('b', '')), input(1, '{"a"'), ...given)
    for (const output of [
      [],
      [call('a', '{}'), call('b', '{"a"', 'incomplete')],
      [call('a', '{}'), { ...call('b', '{}'), status: null }],
    ]) {
      const parts = await cut(incomplete('max_output_tokens', output))
      expect(parts.filter(({ type }) => type === 'tool-call')).toEqual([lookCall('a', {})])
      expect(parts.at(-1)).toEqual(finish('length'))
    }
    const said = await cut(done(1, call('b', '{"a"', 'incomplete')), completed())
    expect(said.filter(({ type }) => type === 'tool-call')).toEqual([lookCall('a', {})])
    // A whole item whose input is no JSON may be either: the end tells.
    const unsaid = [done(1, call('b', '{"a"')), done(2, message(block('so')))]
    expect((await cut(...unsaid, incomplete('max_output_tokens'))).filter(({ type }) => type === 'tool-call')).toEqual([lookCall('a', {})])
    expect((await cut(...unsaid, completed())).slice(-4)).toEqual([
      { type: 'tool-call', id: 'b', name: 'look', input: {}, invalidInput: '{"a"' },
      textDelta('so'),
      { type: 'text-end' },
      finish('tool-calls'),
    ])
  })

  it('counts the parts of usage apart', async () => {
    const counted = {
      input_tokens: 30,
      input_tokens_details: { cached_tokens: 7, cache_write_tokens: 3 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
    }
    const parts = await heard(completed([], { usage: counted }))
    expect(parts.at(-1)).toMatchObject({
      usage: { inputTokens: 20, cacheReadTokens: 7, cacheWriteTokens: 3, outputTokens: 9, reasoningTokens: 4 },
    })
    const odd = {
      input_tokens: 1,
      input_tokens_details: { cached_tokens: 9 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 5 },
    }
    expect((await heard(completed([], { usage: odd }))).at(-1)).toMatchObject({
      usage: { inputTokens: 0, cacheReadTokens: 9, outputTokens: 2, reasoningTokens: 2 },
    })
    expect((await heard(completed([], { usage: { input_tokens: 'x', output_tokens: -1 } }))).at(-1)).toEqual(finish('stop'))
  })

  it('needs its event, and nothing after it', async () => {
    const missing = { code: 'provider-protocol', message: expect.stringContaining('the stream ended before the answer was finished') }
    await expect(heard(text(0, 'so'), done(0, message(block('so'))))).rejects.toMatchObject(missing)
    await expect(exchange({ raw: '' })).rejects.toMatchObject(missing)
    await expect(exchange({ raw: 'data: [DONE]\n\n' })).rejects.toMatchObject(missing)
    await expect(
      exchange({ raw: '{"object":"response","status":"queued","output":[]}', delivery: { contentType: 'application/json' } }),
    ).rejects.toMatchObject(missing)
    expect((await heard(completed(), { type: 'error', message: 'late' })).at(-1)).toEqual(finish('stop'))
  })
})
