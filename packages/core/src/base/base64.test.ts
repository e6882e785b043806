import { describe, expect, test } from 'vitest'
import { base64Of, bytesOfBase64 } from './base64.ts'

describe.each([
  ['with Buffer', Buffer],
  ['without Buffer', 'none'],
] as const)('base64 %s', (_, codec) => {
  test.each([0, 1, 2, 3, 4, 24_575, 24_576, 24_577, 100_001])('gives %i bytes back as they were', (length) => {
    const bytes = Uint8Array.from({ length: length + 2 }, (_unused, index) => (index * 167) >>> 3).subarray(1, length + 1)
    const text = base64Of(bytes, codec)
    expect(text).toBe(Buffer.from(bytes).toString('base64'))
    expect(Buffer.compare(bytesOfBase64(text, codec) ?? Buffer.from('nothing'), bytes)).toBe(0)
  })

  test('takes white space and missing padding, and no other text', () => {
    for (const text of ['aGVsbG8=', 'aGVsbG8', 'aGVs\n bG8=', ' aGVsbG8= '])
      expect(Buffer.from(bytesOfBase64(text, codec) ?? []).toString()).toBe('hello')
    for (const text of ['*', 'aGVs*bG8=', 'aGVs=bG8=', 'aGVsbG8===', 'ä', 'aGVs-_8=', 'data:,', 'Hello', 'aGVs bG8hA'])
      expect(bytesOfBase64(text, codec)).toBeUndefined()
  })
})
