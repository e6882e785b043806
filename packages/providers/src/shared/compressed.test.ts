/** Bodies of gateways that compress them, though no compression was asked for. */
import { brotliCompressSync, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { OpenAiChatProvider } from '../openai/openai-chat-provider.ts'
import { type BadServer, failureOf, httpServer, isBun } from '../testing/bad-servers.ts'
import type { HttpOptions } from './http-options.ts'

const text = 'grüße 漢字 🦀 '.repeat(50)
const events = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\ndata: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

const transports = [
  ['the dispatcher', {}],
  ['fetch', { fetch: (url: string, init: RequestInit) => fetch(url, init) }],
] as const satisfies readonly (readonly [string, HttpOptions])[]

function server(encoding: string, body: Uint8Array, cut = body.length, status = 200): Promise<BadServer> {
  return httpServer(async (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/event-stream', 'content-encoding': encoding })
    for (let at = 0; at < body.length; at += cut) {
      response.write(body.subarray(at, at + cut))
      await new Promise(setImmediate)
    }
    response.end()
  })
}

function provider({ port }: BadServer, options: HttpOptions): OpenAiChatProvider {
  return new OpenAiChatProvider({ baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: 'none', ...options })
}

async function textOf(from: OpenAiChatProvider): Promise<string> {
  let heard = ''
  const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }] } as const
  for await (const part of from.doStream(request, { signal: new AbortController().signal })) {
    if (part.type === 'text-delta') heard += part.text
  }
  return heard
}

describe.skipIf(isBun).each(transports)('over %s', (_name, transport) => {
  it.each([
    ['gzip', gzipSync(events)],
    ['x-gzip', gzipSync(events)],
    ['GZIP', gzipSync(events)],
    ['deflate', deflateSync(events)],
    ['deflate', deflateRawSync(events)],
    ['br', brotliCompressSync(events)],
    ['gzip, br', brotliCompressSync(gzipSync(events))],
    ['identity', new TextEncoder().encode(events)],
  ])('%s is undone, wherever it is cut', async (encoding, body) => {
    for (const cut of [body.length, 1, 7]) {
      await using started = await server(encoding, body, cut)
      expect(await textOf(provider(started, transport))).toBe(text)
    }
  })

  it('what arrives is passed on before the end', async () => {
    let finish = (): void => undefined
    await using started = await httpServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      const gzip = createGzip()
      gzip.pipe(response)
      gzip.write(events.slice(0, events.indexOf('\n\n') + 2))
      gzip.flush()
      finish = () => void gzip.end(events.slice(events.indexOf('\n\n') + 2))
    })
    const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }] } as const
    const seen: string[] = []
    for await (const part of provider(started, transport).doStream(request, { signal: new AbortController().signal })) {
      seen.push(part.type)
      // Only now does the rest come.
      if (part.type === 'text-delta') finish()
    }
    expect(seen).toEqual(['text-delta', 'finish'])
  })

  it('the text of an error is read', async () => {
    const body = gzipSync(JSON.stringify({ error: { message: 'no such model', code: 'model_not_found' } }))
    await using started = await server('gzip', body, body.length, 404)
    const { error } = await failureOf(provider(started, transport))
    expect(error).toMatchObject({ code: 'provider-bad-request', message: expect.stringContaining('no such model') })
  })

  it('a small body that grows beyond the limit is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ': padding\n'))
    expect(bomb.length).toBeLessThan(200_000)
    await using started = await server('gzip', bomb)
    const before = process.memoryUsage().arrayBuffers
    const { error } = await failureOf(provider(started, { ...transport, maxResponseBytes: 100_000 }))
    expect(error).toMatchObject({ code: 'provider-protocol', details: { limit: 'maxResponseBytes' } })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
  })

  it('one that is not what its header says is refused', async () => {
    await using started = await server('gzip', new TextEncoder().encode(events))
    const { error } = await failureOf(provider(started, transport))
    expect(error).toMatchObject({ code: 'provider-protocol', message: expect.stringContaining('send answers uncompressed') })
  })

  it('one that breaks off is an error', async () => {
    const whole = gzipSync(events)
    await using started = await server('gzip', whole.subarray(0, whole.length / 2))
    expect((await failureOf(provider(started, transport))).error.code).toBe('provider-protocol')
  })
})

it.skipIf(isBun)('an unknown compression is refused', async () => {
  for (const encoding of ['compress', 'gzip, gzip, gzip, gzip']) {
    await using started = await server(encoding, new TextEncoder().encode(events))
    const { error } = await failureOf(provider(started, {}))
    expect(error).toMatchObject({ code: 'provider-protocol', message: expect.stringContaining('send answers uncompressed') })
  }
})
