import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromOrdered, namesFromOrdered, orderedNames, toOrdered } from './ordered-text.ts'

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 8 })
const ofEdges = fc.string({
  unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', '\ud7ff', '\ud800', '\udbff', '\udc00', '\udfff', '\ue000', '\uffff'),
  maxLength: 6,
})
const text = fc.oneof(anyText, ofEdges)

describe('ordered text', () => {
  test('comes back as it was, in valid UTF-8, without U+0000', () => {
    fc.assert(
      fc.property(text, (original) => {
        const ordered = toOrdered(original)
        expect(Buffer.from(ordered).toString()).toBe(ordered)
        expect(ordered).not.toContain('\0')
        expect(fromOrdered(ordered)).toBe(original)
      }),
    )
  })

  test('the order of its bytes is that of the code units of the original', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const bytes = Math.sign(Buffer.compare(Buffer.from(toOrdered(a)), Buffer.from(toOrdered(b))))
        expect(bytes).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
      { numRuns: 2_000 },
    )
  })

  test('a prefix stays a prefix, and nothing else becomes one', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(toOrdered(a + b).startsWith(toOrdered(a))).toBe(true)
        expect(toOrdered(a).startsWith(toOrdered(b))).toBe(a.startsWith(b))
      }),
    )
  })

  test('names come back one by one', () => {
    const name = fc.oneof(anyText, ofEdges).filter((one) => one.length > 0)
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (names) => {
        expect(namesFromOrdered(orderedNames(['default' as never, ...names]))).toEqual(names)
      }),
    )
  })
})
