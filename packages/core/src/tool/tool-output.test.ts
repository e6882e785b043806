import { describe, expect, test, vi } from 'vitest'
import { toToolContent } from './tool-output.ts'
import { toolResult } from './tool-reply.ts'

const image = { type: 'image', mediaType: 'image/png', data: 'AA==' } as const

class Point {
  readonly x = 1
  readonly y = 2
}

class Sealed {
  readonly #x = 1

  sum(): number {
    return this.#x
  }
}

class Money {
  readonly #cents = 250

  toJSON(): object {
    return { cents: this.#cents, at: new Map([['shop', 1n]]) }
  }
}

describe('what a tool returns', () => {
  test.each<[unknown, string]>([
    [undefined, ''],
    ['text', 'text'],
    [5, '5'],
    [null, 'null'],
    [10n, '"10"'],
    [Number.NaN, '"NaN"'],
    [[1, 'a', undefined], '[1,"a",null]'],
    [{ temperature: 3, wind: undefined }, '{"temperature":3}'],
    [{ rows: 12n, least: Number.NEGATIVE_INFINITY }, '{"rows":"12","least":"-Infinity"}'],
    [new Map([['a', new Set([1, 2])]]), '{"a":[1,2]}'],
    [
      new Map<unknown, number>([
        [1, 2],
        ['b', 3],
      ]),
      '[[1,2],["b",3]]',
    ],
    [{ at: new Date(0), never: new Date('never') }, '{"at":"1970-01-01T00:00:00.000Z","never":"Invalid Date"}'],
    [new Point(), '{"x":1,"y":2}'],
    [new Money(), '{"cents":250,"at":{"shop":"1"}}'],
    [new URL('https://example.com/'), '"https://example.com/"'],
    [[new RangeError('too far')], '[{"name":"RangeError","message":"too far"}]'],
    [Object.assign(Object.create(null), { plain: true }), '{"plain":true}'],
    [{}, '{}'],
    [new Map(), '{}'],
    [JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
  ])('is data: %o', (output, content) => {
    expect(toToolContent(output as object)).toEqual({ content, isError: false })
  })

  test.each([
    { content: 'text' },
    { content: 'no such file', isError: true },
    { content: [{ type: 'text', text: 'seen' }, image] },
    { type: 'tool-result', content: 'text', isError: true },
  ])('is data, too, where it looks like a result: %j', (output) => {
    expect(toToolContent(output)).toEqual({ content: JSON.stringify(output), isError: false })
  })

  test.each<[unknown, RegExp]>([
    [() => 1, /returned a function, which/],
    [{ rows: [{ cell: Symbol('x') }] }, /a symbol at "rows\[0\]\.cell"/],
    [{ later: Promise.resolve(1) }, /an instance of Promise without fields of its own at "later"/],
    [new Sealed(), /an instance of Sealed without/],
    [/x/, /an instance of RegExp/],
    [new WeakMap(), /an instance of WeakMap/],
    [[1].values(), /without fields/],
    [{ file: new Uint8Array(3) }, /bytes at "file"/],
    [new ArrayBuffer(3), /bytes/],
  ])('is refused where it is no data: %o', (output, problem) => {
    expect(() => toToolContent(output as object)).toThrow(problem)
    expect(() => toToolContent(output as object)).toThrow(expect.objectContaining({ code: 'tool-failed' }))
  })

  test('is refused where it is a cycle, without end', () => {
    const cycle: unknown[] = []
    cycle.push({ again: cycle })
    expect(() => toToolContent(cycle)).toThrow(/a cycle/)
    const self = { toJSON: (): unknown => self }
    expect(() => toToolContent(self)).toThrow(/a cycle/)
  })
})

describe('toolResult', () => {
  test('is shown as it is, and says by itself that it failed', () => {
    expect(toToolContent(toolResult({ content: 'seen' }))).toEqual({ content: 'seen', isError: false })
    expect(toToolContent(toolResult({ content: 'no such file', isError: true }))).toEqual({ content: 'no such file', isError: true })
    const content = [{ type: 'text', text: 'seen' }, image] as const
    expect(toToolContent(toolResult({ content }))).toEqual({ content, isError: false })
  })

  test('of another copy of this package is known, and checked', async () => {
    vi.resetModules()
    const copy = await import('./tool-reply.ts')
    expect(copy.toolResult).not.toBe(toolResult)
    expect(toToolContent(copy.toolResult({ content: 'seen', isError: true }))).toEqual({ content: 'seen', isError: true })
    const forged = { [Symbol.for('beamclaw.tool-reply')]: true, content: [{ type: 'text' }], isError: true }
    expect(() => toToolContent(forged)).toThrow(/content\[0\]\.text must be a string/)
  })

  test.each([
    {},
    { content: 5 },
    { content: [null] },
    { content: [{ type: 'image' }] },
    { content: 'x', isError: 'no' },
    { content: 'x', iserror: true },
  ])('throws for what is no content: %j', (options) => {
    expect(() => toolResult(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  test('is no data inside data', () => {
    expect(toToolContent({ inner: toolResult({ content: 'x' }) })).toEqual({
      content: '{"inner":{"content":"x","isError":false}}',
      isError: false,
    })
  })
})

test('images of one output add up: the one that would pass the limit is left out, a smaller one after it is not', () => {
  const half = { ...image, data: 'A'.repeat(12_000_000) }
  const { content } = toToolContent(toolResult({ content: [half, half, image] }))
  expect(content).toEqual([half, { type: 'text', text: '[an image of 12000000 characters was left out]' }, image])
})
