// The reader against answers that no service should give: what does not fit is left out, or ends the call with an error of the provider.
import type { JsonObject, ProviderPart } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { completed, events, exchange } from './testing/exchange.ts'

const message = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'so' }] }
const finish = { type: 'finish', reason: 'stop' }
const so = [{ type: 'text-delta', text: 'so' }, { type: 'text-end' }, finish]

const heard = async (...given: readonly JsonObject[]): Promise<readonly ProviderPart[]> =>
  (await exchange({ frames: events(...given) })).parts
const done = (index: unknown, item: unknown): JsonObject => ({ type: 'response.output_item.done', output_index: index, item }) as JsonObject

describe('odd answers', () => {
  it.each<[string, readonly JsonObject[]]>([
    ['a huge index', [done(Number.MAX_VALUE, message)]],
    ['a negative index', [done(-1, message)]],
    ['an index that is no number', [done('one', message)]],
    ['an index that is missing', [done(undefined, message)]],
    ['an item that is nothing', [done(1, null), done(0, message)]],
    ['an item without a type', [done(1, { id: 'x' }), done(0, message)]],
    ['an item whose type is no text', [done(1, { type: 5 }), done(0, message)]],
    ['content that is no list', [done(1, { ...message, content: 'x' }), done(0, message)]],
    ['content of other things', [done(0, { ...message, content: [null, 'x', [], { type: 'output_text', text: 5 }, ...message.content] })]],
    [
      'a piece for another kind of item',
      [done(0, message), { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{' }],
    ],
    [
      'events of no known kind',
      [{ type: 'response.dream.delta', output_index: 0, delta: 5 }, { type: 'keepalive', sequence_number: 3 }, done(0, message)],
    ],
    ['summaries that are no texts', [done(1, { type: 'reasoning', summary: [5, { text: 5 }], content: {} }), done(0, message)]],
  ])('may have %s', async (_, given) => {
    expect((await heard(...given, completed())).filter(({ type }) => type !== 'thinking-end')).toMatchObject(so)
  })

  it('may begin in the middle', async () => {
    const parts = await heard(
      { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'hm' },
      { type: 'response.output_text.delta', output_index: 1, content_index: 0, delta: 'so' },
      completed(),
    )
    expect(parts).toMatchObject([{ type: 'thinking-delta', text: 'hm' }, { type: 'thinking-end' }, ...so])
  })

  it('may have pieces without an index, as long as they come one item after the other', async () => {
    const piece = (delta: string): JsonObject => ({ type: 'response.output_text.delta', delta })
    const parts = await heard(
      piece('s'),
      piece('o'),
      done(undefined, message),
      done(undefined, { ...message, content: [{ type: 'output_text', text: 'b' }] }),
      completed(),
    )
    expect(parts).toMatchObject([
      { type: 'text-delta', text: 's' },
      { type: 'text-delta', text: 'o' },
      { type: 'text-end' },
      { type: 'text-delta', text: 'b' },
      { type: 'text-end' },
      finish,
    ])
  })

  it('may have a last event that holds nothing', async () => {
    for (const response of [undefined, null, 5, {}, { output: 'x', usage: [] }]) {
      expect(await heard({ type: 'response.completed', response } as JsonObject)).toMatchObject([finish])
    }
  })

  it('may call with an object, twice with one id, or with none', async () => {
    const call = (id: string | undefined, args: unknown): JsonObject =>
      ({ type: 'function_call', call_id: id, name: 'look', arguments: args }) as JsonObject
    const parts = await heard(done(0, call('a', { b: 1 })), done(1, call('a', '{"b":2}')), done(2, call(undefined, null)), completed())
    const calls = parts.flatMap((part) => (part.type === 'tool-call' ? [part] : []))
    expect(calls.map(({ input }) => input)).toEqual([{ b: 1 }, { b: 2 }, {}])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(3)
    expect(calls.map(({ id }) => id)).toContain('a')
  })

  it('keep no item that is too large or too deep to be kept, and say so', async () => {
    const deep = Array.from({ length: 70 }).reduce<JsonObject>((inner) => ({ inner }), {})
    const items: readonly JsonObject[] = [
      { type: 'image_generation_call', result: 'x'.repeat(1_100_000) },
      { type: 'odd_call', deep },
    ]
    for (const item of items) {
      const parts = await heard(done(0, item), done(1, message), completed())
      expect(parts).toMatchObject([{ type: 'warning', setting: item.type, message: expect.stringContaining('is not sent back') }, ...so])
    }
    const thought = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'x'.repeat(1_100_000) }
    expect(await heard(done(0, thought), completed())).toEqual([
      { type: 'thinking-delta', text: 'hm' },
      { type: 'thinking-end' },
      expect.objectContaining(finish),
    ])
  })
})

describe('broken answers', () => {
  it.each<[string, JsonObject, string]>([
    ['a piece that is no text', { type: 'response.output_text.delta', output_index: 0, delta: 5 }, 'a piece of text without text'],
    ['a call without a name', done(0, { type: 'function_call', call_id: 'a', arguments: '{}' }), 'a tool call without a name'],
  ])('are an error: %s', async (_, event, words) => {
    await expect(heard(event, completed())).rejects.toMatchObject({ code: 'provider-protocol', message: expect.stringContaining(words) })
  })

  it('are an error where an event is no JSON or no object', async () => {
    for (const data of ['{"a', '5', '[]', 'null']) {
      await expect(exchange({ raw: `data: ${data}\n\n` })).rejects.toMatchObject({ code: 'provider-protocol' })
    }
  })

  it('are an error above ten thousand items, in whatever order they come', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => ({
      type: 'response.output_item.added',
      output_index: 20_000 - index,
      item: { type: 'x' },
    }))
    await expect(heard(...many, completed())).rejects.toMatchObject({
      code: 'provider-protocol',
      message: expect.stringContaining('more than 10000 items'),
    })
  })
})
