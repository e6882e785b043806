/** What comes through a `fetch` of the caller's own, which may be made in this very process. */
import { BeamClawError, type ProviderPart } from '@beamclaw/core'
import { describe, expect, it, vi } from 'vitest'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import type { HttpOptions } from './http-options.ts'

const piece = new TextEncoder().encode(`data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content: 'a' } }] })}\n\n`)

/** A provider whose answer never ends, and does not hear of the signal: `bytes` comes again and again. */
function endless(bytes: Uint8Array, options: HttpOptions = {}) {
  const cancelled = vi.fn()
  const fetch = async (): Promise<Response> => {
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(bytes), cancel: cancelled }, { highWaterMark: 0 })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return { provider: new OpenAiProvider({ baseUrl: 'http://model.test/v1', apiKey: 'key', fetch, ...options }), cancelled }
}

async function read(
  provider: OpenAiProvider,
  isEnough: (count: number) => boolean,
  signal = new AbortController().signal,
): Promise<unknown> {
  const parts: ProviderPart[] = []
  try {
    const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }] } as const
    for await (const part of provider.doStream(request, { signal })) if (isEnough(parts.push(part))) break
  } catch (error) {
    return BeamClawError.isInstance(error) ? error.code : error
  }
  return parts.length
}

describe('a body that never ends', () => {
  it('is cancelled when its reader leaves', async () => {
    const { provider, cancelled } = endless(piece)
    expect(await read(provider, (count) => count === 3)).toBe(3)
    await vi.waitUntil(() => cancelled.mock.calls.length === 1)
  })

  it('is cancelled when the call is aborted, and when it has grown too large', async () => {
    const aborted = endless(piece)
    const controller = new AbortController()
    const isEnough = (count: number): boolean => {
      if (count === 3) controller.abort()
      return false
    }
    expect(await read(aborted.provider, isEnough, controller.signal)).toBe('provider-aborted')
    await vi.waitUntil(() => aborted.cancelled.mock.calls.length === 1)
    const large = endless(piece, { maxResponseBytes: 10 * piece.length })
    expect(await read(large.provider, () => false)).toBe('provider-protocol')
    await vi.waitUntil(() => large.cancelled.mock.calls.length === 1)
  })

  it.each([
    ['comments', new TextEncoder().encode(': still there\n\n')],
    ['no bytes', new Uint8Array(0)],
  ])('of %s keeps neither the deadlines nor the rest of the process from their turn', async (_what, bytes) => {
    const { provider, cancelled } = endless(bytes, { totalTimeoutMs: 200 })
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    expect(await read(provider, () => false)).toBe('provider-timeout')
    clearInterval(turning)
    expect(turns).toBeGreaterThan(5)
    await vi.waitUntil(() => cancelled.mock.calls.length === 1)
  })
})
