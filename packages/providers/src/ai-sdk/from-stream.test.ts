// What becomes of the parts of a model's stream.
import type { ProviderPart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { finish, partsFrom, textBlock } from './testing/mock-models.ts'

const service = 'ai-sdk:mock.chat'
const zero = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 }
const stop: ProviderPart = { type: 'finish', reason: 'stop', usage: zero }

describe('text and thinking', () => {
  test('come block by block, with the last metadata of each', async () => {
    const parts = [
      { type: 'reasoning-start', id: 'a', providerMetadata: { mock: { itemId: 'r1', encrypted: null } } },
      { type: 'reasoning-delta', id: 'a', delta: 'hm, ' },
      { type: 'reasoning-delta', id: 'a', delta: 'ä漢字🦀' },
      { type: 'reasoning-end', id: 'a', providerMetadata: { mock: { signature: 'sig' } } },
      { type: 'text-start', id: 'b', providerMetadata: { mock: { phase: 'final' } } },
      { type: 'text-delta', id: 'b', delta: '' },
      { type: 'text-delta', id: 'b', delta: 'Five.' },
      { type: 'text-end', id: 'b' },
      finish(),
    ]
    expect(await partsFrom(parts)).toEqual([
      { type: 'thinking-delta', text: 'hm, ' },
      { type: 'thinking-delta', text: 'ä漢字🦀' },
      { type: 'thinking-end', providerMetadata: { [service]: { options: { mock: { signature: 'sig' } } } } },
      { type: 'text-delta', text: 'Five.' },
      { type: 'text-end', providerMetadata: { [service]: { options: { mock: { phase: 'final' } } } } },
      stop,
    ])
  })

  test('thinking without metadata is marked as this service’s own, and encrypted thinking has no text', async () => {
    const parts = [
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'plain' },
      { type: 'reasoning-end', id: '0' },
      { type: 'reasoning-start', id: '1', providerMetadata: { mock: { encrypted: 'blob' } } },
      { type: 'reasoning-end', id: '1' },
      { type: 'reasoning-start', id: '2' },
      { type: 'reasoning-end', id: '2' },
      finish(),
    ]
    expect(await partsFrom(parts, { service: 'own' })).toEqual([
      { type: 'thinking-delta', text: 'plain' },
      { type: 'thinking-end', providerMetadata: { own: {} } },
      { type: 'thinking-end', providerMetadata: { own: { options: { mock: { encrypted: 'blob' } } } } },
      stop,
    ])
  })

  test('blocks that are open at once come as they are written, with a number for those that were cut', async () => {
    const parts = [
      { type: 'reasoning-start', id: 'r' },
      { type: 'reasoning-delta', id: 'r', delta: 'one' },
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'Hello ' },
      { type: 'reasoning-delta', id: 'r', delta: 'two' },
      { type: 'text-delta', id: 't', delta: 'there' },
      { type: 'reasoning-end', id: 'r', providerMetadata: { mock: { signature: 's' } } },
      { type: 'text-end', id: 't' },
      finish(),
    ]
    expect(await partsFrom(parts)).toEqual([
      { type: 'thinking-delta', text: 'one' },
      { type: 'thinking-end', providerMetadata: { [service]: { block: 0 } } },
      { type: 'text-delta', text: 'Hello ' },
      { type: 'text-end', providerMetadata: { [service]: { block: 1 } } },
      { type: 'thinking-delta', text: 'two' },
      { type: 'thinking-end', providerMetadata: { [service]: { block: 0 } } },
      { type: 'text-delta', text: 'there' },
      { type: 'text-end', providerMetadata: { [service]: { block: 1 } } },
      { type: 'thinking-end', providerMetadata: { [service]: { options: { mock: { signature: 's' } }, block: 0 } } },
      stop,
    ])
  })

  test('blocks that are never ended, and never begun, still come whole', async () => {
    const parts = [{ type: 'text-delta', id: 'x', delta: 'Hello' }, { type: 'text-end', id: 'other' }, finish()]
    expect(await partsFrom(parts)).toEqual([{ type: 'text-delta', text: 'Hello' }, { type: 'text-end' }, stop])
  })

  test('metadata that is no JSON, or too large, is left out', async () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    const block = (id: string, providerMetadata: unknown): readonly unknown[] => [
      { type: 'text-start', id },
      { type: 'text-delta', id, delta: id },
      { type: 'text-end', id, providerMetadata },
    ]
    const parts = [
      ...block('a', { mock: cycle }),
      ...block('b', { mock: 5, other: null }),
      ...block('c', { mock: { blob: 'x'.repeat(1_000_001) } }),
      finish(),
    ]
    expect(await partsFrom(parts)).toEqual([
      { type: 'text-delta', text: 'a' },
      { type: 'text-end' },
      { type: 'text-delta', text: 'b' },
      { type: 'text-end' },
      { type: 'text-delta', text: 'c' },
      expect.objectContaining({ type: 'warning', setting: 'text-end' }),
      { type: 'text-end' },
      stop,
    ])
  })
})

describe('warnings', () => {
  test('are told by our names of the settings', async () => {
    const warnings = [
      { type: 'unsupported', feature: 'reasoning', details: 'It does not think.' },
      { type: 'unsupported', feature: 'temperature' },
      { type: 'compatibility', feature: 'responseFormat' },
      { type: 'deprecated', setting: 'topP', message: 'Old.' },
      { type: 'other', message: 'Look out: sk-secret-0123456789.' },
    ]
    const told = (await partsFrom([{ type: 'stream-start', warnings }, ...textBlock('x'), finish()])).filter(
      ({ type }) => type === 'warning',
    )
    expect(told).toEqual([
      { type: 'warning', setting: 'thinking', message: 'It does not think.' },
      { type: 'warning', setting: 'temperature', message: 'The model does not support "temperature".' },
      { type: 'warning', setting: 'responseFormat', message: '"responseFormat" was adapted to what the model has.' },
      { type: 'warning', setting: 'topP', message: 'Old.' },
      { type: 'warning', setting: 'request', message: 'Look out: [redacted].' },
    ])
  })
})

describe('what has no place here', () => {
  test('is left out: sources, pings, raw chunks, metadata of the response, parts of later versions, and what is no part at all', async () => {
    const others = [
      { type: 'ping' },
      { type: 'raw', rawValue: { a: 1 } },
      { type: 'response-metadata', id: 'x', timestamp: new Date(0) },
      { type: 'source', sourceType: 'url', id: 's', url: 'https://example.com' },
      { type: 'of-version-5', data: 1 },
      { type: 7 },
      {},
      'text',
      7,
      false,
      [],
    ]
    expect(await partsFrom([...others, ...textBlock('x'), finish()])).toEqual([
      { type: 'text-delta', text: 'x' },
      { type: 'text-end' },
      stop,
    ])
  })

  test('a request for a consent is told, because there is no way to give it', async () => {
    const parts = [{ type: 'tool-approval-request', approvalId: 'a', toolCallId: 'b' }, finish()]
    expect(await partsFrom(parts)).toEqual([expect.objectContaining({ type: 'warning', setting: 'tool-approval-request' }), stop])
  })

  test('what comes after the finish is not read', async () => {
    expect(await partsFrom([finish(), ...textBlock('late'), finish('length')])).toEqual([stop])
  })
})

describe('the finish', () => {
  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content-filter', 'content-filter'],
    ['tool-calls', 'other'],
    ['other', 'other'],
    ['of-version-5', 'other'],
  ])('of "%s", without calls, is "%s"', async (unified, reason) => {
    expect(await partsFrom([...textBlock('x'), finish(unified)])).toContainEqual({ ...stop, reason })
  })

  test.each([
    [
      { inputTokens: { total: 100, noCache: 30, cacheRead: 50, cacheWrite: 20 }, outputTokens: { total: 9, text: 5, reasoning: 4 } },
      [30, 9, 50, 20, 4],
    ],
    [{ inputTokens: { total: 100, cacheRead: 60, cacheWrite: 15 }, outputTokens: { text: 5, reasoning: 4 } }, [25, 9, 60, 15, 4]],
    [{ inputTokens: { total: 10, cacheRead: 60 }, outputTokens: { total: 3, reasoning: 4 } }, [0, 3, 60, 0, 3]],
    [{ inputTokens: { total: 10.4 }, outputTokens: { total: 3, reasoning: 0 } }, [10, 3, 0, 0, undefined]],
    [{ inputTokens: {}, outputTokens: {} }, [0, 0, 0, 0, undefined]],
    [{ inputTokens: { total: -1 }, outputTokens: { total: Number.NaN } }, [0, 0, 0, 0, undefined]],
  ])('counts %j', async (usage, [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens]) => {
    const last = (await partsFrom([finish('stop', 'stop', usage as never)])).at(-1)
    const counts = { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }
    expect(last).toEqual({
      type: 'finish',
      reason: 'stop',
      usage: { ...counts, ...(reasoningTokens === undefined ? {} : { reasoningTokens }) },
    })
  })

  test.each([
    ['interrupted', undefined],
    ['other', undefined],
  ])('of "%s" without a reason of the service is an answer that broke off', async (unified) => {
    const parts = [...textBlock('x'), { ...finish(unified), finishReason: { unified, raw: undefined } }]
    await expect(partsFrom(parts)).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  test('is missed where the stream ends without one', async () => {
    await expect(partsFrom(textBlock('x'))).rejects.toMatchObject({
      code: 'provider-protocol',
      message: expect.stringContaining('mock.chat'),
    })
  })

  test('of "error" is an error', async () => {
    await expect(partsFrom([...textBlock('x'), finish('error', 'overloaded_error')])).rejects.toMatchObject({ code: 'provider-server' })
  })
})
