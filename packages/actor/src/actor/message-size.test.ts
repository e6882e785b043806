import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimateSize } from './message-size.ts'

describe('a message counts', () => {
  test.each([
    ['undefined', undefined, 8],
    ['null', null, 8],
    ['a number', 7, 8],
    ['a flag', true, 8],
    ['a symbol', Symbol('x'), 8],
    ['a function', () => {}, 8],
    ['an empty string', '', 16],
    ['a string', 'abcd', 20],
    ['an empty object', {}, 16],
    ['an object with a number', { a: 1 }, 24],
    ['an object with a string', { text: 'abcd' }, 28],
    ['an object in an object', { a: {} }, 40],
    ['an array', [1, 2, 3], 40],
    ['bytes', new Uint8Array(1_000), 1_000],
    ['a part of some bytes', new Uint8Array(new ArrayBuffer(1_000), 10, 20), 20],
    ['a view', new DataView(new ArrayBuffer(64)), 64],
    ['a buffer', new ArrayBuffer(64), 64],
    ['bytes in an object', { data: new Uint8Array(1_000) }, 1_024],
  ])('%s', (_what, message, bytes) => {
    expect(estimateSize(message)).toBe(bytes)
  })

  test('at least its text, wherever that is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const strings: string[] = []
        JSON.stringify(value, (_key, item: unknown) => {
          if (typeof item === 'string') strings.push(item)
          return item
        })
        expect(estimateSize(value)).toBeGreaterThanOrEqual(strings.join('').length)
      }),
    )
  })

  test('no less when something is added', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (a, b) => {
        expect(estimateSize([a, b])).toBeGreaterThanOrEqual(Math.max(estimateSize([a]), estimateSize([b])))
      }),
    )
  })
})

describe('whatever its shape, a message', () => {
  test('that refers to itself is counted to an end', () => {
    const cyclic: Record<string, unknown> = { text: 'abcd' }
    cyclic.self = cyclic
    const size = estimateSize(cyclic)
    expect(size).toBeGreaterThan(20)
    expect(size).toBeLessThan(200_000)
  })

  test('that is a ring of objects which all know each other is counted to an end', () => {
    const ring: unknown[][] = Array.from({ length: 50 }, () => [])
    for (const one of ring) one.push(...ring)
    expect(estimateSize(ring)).toBeLessThan(10_000_000)
  })

  test('that is very deep does not overflow the stack', () => {
    let deep: unknown[] = []
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    expect(estimateSize(deep)).toBeGreaterThan(2_000 * 16)
  })

  test('that has very many parts counts 64 for each one beyond the first 2,000', () => {
    expect(estimateSize(Array.from({ length: 10_000 }, () => ({})))).toBeGreaterThan(8_000 * 64)
  })

  test('that has no prototype is counted', () => {
    expect(estimateSize(Object.assign(Object.create(null), { text: 'abcd' }))).toBe(28)
  })
})

describe('what the estimate cannot see', () => {
  // Their content is in no enumerable field: a million entries count as 16 bytes, and pass any `maxBytes`.
  test.each([
    ['a Map', new Map([[1, 'x'.repeat(1_000)]])],
    ['a Set', new Set(['x'.repeat(1_000)])],
    ['an Error', new Error('x'.repeat(1_000))],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1_000)],
  ])('is nothing: the content of %s counts', (_what, message) => {
    expect(estimateSize(message)).toBeGreaterThanOrEqual(1_000)
  })

  // The error of the getter leaves `call` and `cast` as it is, without a code.
  test('is nothing: a getter that throws does not escape', () => {
    const message = {
      get text(): string {
        throw new Error('not now')
      },
    }
    expect(() => estimateSize(message)).not.toThrow()
  })

  // Only objects are counted against the limit of 2,000: the fields of one object, or the items of one array, are all looked at.
  test('is all beyond 2,000 values: a long array is not walked to its end', () => {
    let looks = 0
    const counting = new Proxy(new Array<number>(10_000).fill(1), {
      get(target, key, receiver) {
        looks++
        return Reflect.get(target, key, receiver)
      },
    })
    estimateSize(counting)
    expect(looks).toBeLessThanOrEqual(2_000)
  })
})
