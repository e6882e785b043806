import type { JsonValue } from '@beamclaw/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeItem,
  encodeParcelNotice,
  hasRoom,
  type Item,
  maxEnvelopeBytes,
  mostItems,
} from './envelope.ts'

const items: fc.Arbitrary<Item> = fc
  .record({
    kind: fc.constantFrom('ask' as const, 'answer' as const, 'error' as const, 'tell' as const),
    id: fc.string({ maxLength: 64 }),
    body: fc.jsonValue(),
  })
  .map(({ kind, id, body }) => (kind === 'tell' ? { kind, body: body as JsonValue } : { kind, id, body: body as JsonValue }))

describe('an envelope', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(items, { minLength: 1 }), (given) => {
        const text = encodeEnvelope('from-me_1', given.map(encodeItem))
        expect(decodeEnvelope(text)).toEqual({ from: 'from-me_1', items: given.map((item) => JSON.parse(JSON.stringify(item)) as Item) })
      }),
    )
    expect(decodeEnvelope(encodeParcelNotice('me', 'id-1'))).toEqual({ from: 'me', parcel: 'id-1' })
  })

  test('of more items than a node can take in one turn is refused, and none such is made', () => {
    const item = encodeItem({ kind: 'tell', body: 1 })
    expect(
      decodeEnvelope(
        encodeEnvelope(
          'me',
          Array.from({ length: mostItems }, () => item),
        ),
      ),
    ).toMatchObject({ from: 'me' })
    expect(
      decodeEnvelope(
        encodeEnvelope(
          'me',
          Array.from({ length: mostItems + 1 }, () => item),
        ),
      ),
    ).toBe('too-many')
    expect(hasRoom(item.bytes * mostItems, mostItems - 1, item)).toBe(true)
    expect(hasRoom(item.bytes * mostItems, mostItems, item)).toBe(false)
  })

  test('of any text is one, or says why not, and never throws', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((m) => JSON.stringify({ v: 1, f: 'a', m: [m] })),
    )
    fc.assert(
      fc.property(text, (given) => {
        const decoded = decodeEnvelope(given)
        if (typeof decoded === 'string') expect(['too-large', 'too-many', 'malformed', 'unknown-version']).toContain(decoded)
        else expect(decoded.from).toMatch(/^[A-Za-z0-9_-]+$/)
      }),
      { numRuns: 2_000 },
    )
    expect(decodeEnvelope('x'.repeat(maxEnvelopeBytes + 1))).toBe('too-large')
    expect(decodeEnvelope('{"v":9,"f":"a","m":[{"k":"tell","b":1}]}')).toBe('unknown-version')
  })

  test('has no more bytes than it may, with as many items as have room', () => {
    const item = encodeItem({ kind: 'tell', body: 'é'.repeat(5_000) })
    let count = 0
    while (hasRoom(count * item.bytes, count, item)) count += 1
    const text = encodeEnvelope('a'.repeat(64), new Array(count).fill(item))
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxEnvelopeBytes)
    expect(Buffer.byteLength(text) + 2 * item.bytes).toBeGreaterThan(maxEnvelopeBytes)
    const largest = 'x'.repeat(maxEnvelopeBytes - 600)
    expect(hasRoom(0, 0, encodeItem({ kind: 'ask', id: 'i', body: largest }))).toBe(true)
    expect(() => encodeItem({ kind: 'tell', body: 'x'.repeat(maxEnvelopeBytes - 100) })).toThrow(
      expect.objectContaining({ code: 'document-too-large' }),
    )
  })
})
