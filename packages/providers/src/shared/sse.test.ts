import { describe, expect, it } from 'vitest'
import { EventParser, type ServerSentEvent } from './sse.ts'

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function read(chunks: AsyncIterable<Uint8Array>, maxEventBytes = 1000): Promise<ServerSentEvent[]> {
  const parser = new EventParser('Test', maxEventBytes)
  const events: ServerSentEvent[] = []
  for await (const chunk of chunks) events.push(...parser.feed(chunk))
  return [...events, ...parser.end()]
}

const encoder = new TextEncoder()
const text = ': hello\n\nevent: first\ndata: {"a":"grüße 🦞"}\n\nid: 7\nretry: 10\ndata: two\ndata: lines\n\nfuture: x\ndata: [DONE]\n\n'
const expected: ServerSentEvent[] = [
  { event: 'first', data: '{"a":"grüße 🦞"}' },
  { event: undefined, data: 'two\nlines' },
  { event: undefined, data: '[DONE]' },
]

describe('an event parser', () => {
  it.each(['\n', '\r\n', '\r'])('reads the same events however the bytes are cut (line end %j)', async (lineEnd) => {
    const bytes = encoder.encode(text.replaceAll('\n', lineEnd))
    for (let cut = 0; cut <= bytes.length; cut++) expect(await read(chunksOf(bytes.slice(0, cut), bytes.slice(cut)))).toEqual(expected)
    expect(await read(chunksOf(...Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(expected)
  })

  it('takes a last event without its empty line only when it is whole', async () => {
    expect(await read(chunksOf(encoder.encode('data: {"a":1}\n\ndata: [DONE]')))).toHaveLength(2)
    expect(await read(chunksOf(encoder.encode('data: {"a":1}\n\ndata: {"b":2}\n')))).toHaveLength(2)
    expect(await read(chunksOf(encoder.encode('data: {"a":1}\n\ndata: {"b"')))).toHaveLength(1)
    expect(await read(chunksOf())).toEqual([])
  })

  it('stops reading soon after the bound is passed', async () => {
    let taken = 0
    async function* endless(first: string): AsyncGenerator<Uint8Array> {
      yield encoder.encode(first)
      for (;;) {
        taken += 100
        yield encoder.encode('x'.repeat(100))
      }
    }
    await expect(read(endless('data: '))).rejects.toMatchObject({ code: 'provider-protocol', details: { limit: 'maxEventBytes' } })
    expect(taken).toBeLessThanOrEqual(1100)
  })

  it('bounds many short lines of one event, and one event within one chunk', async () => {
    const lines = encoder.encode('data: 0123456789\n'.repeat(200))
    await expect(read(chunksOf(lines))).rejects.toMatchObject({ code: 'provider-protocol' })
    const whole = encoder.encode(`data: ${'x'.repeat(2000)}\n\n`)
    await expect(read(chunksOf(whole))).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  it('gives the events before one that is too large, whatever arrives together', () => {
    const parser = new EventParser('Test', 1000)
    const before: string[] = []
    const reading = (): void => {
      for (const { data } of parser.feed(encoder.encode(`data: one\n\ndata: two\n\ndata: ${'x'.repeat(2000)}\n\ndata: late\n\n`)))
        before.push(data)
    }
    expect(reading).toThrow(expect.objectContaining({ code: 'provider-protocol' }))
    expect(before).toEqual(['one', 'two'])
  })

  it('does not keep comments or unknown fields, however long', async () => {
    async function* long(): AsyncGenerator<Uint8Array> {
      for (const start of [': ', 'unknown: ']) {
        yield encoder.encode(start)
        for (let count = 0; count < 100; count++) yield encoder.encode('x'.repeat(100))
        yield encoder.encode('\n\n')
      }
      yield encoder.encode('data: 1\n\n')
    }
    expect(await read(long())).toEqual([{ event: undefined, data: '1' }])
  })
})
