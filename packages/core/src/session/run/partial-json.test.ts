import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { partialJson } from './partial-json.ts'
import { jsonIn } from './structured-output.ts'

const documents = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())).map((value) => JSON.stringify(value))

/** True when `part` could become `whole` by going on. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part === 'string') return typeof whole === 'string' && whole.startsWith(part)
  if (Array.isArray(part)) return Array.isArray(whole) && part.every((item, index) => isPartOf(item, whole[index]))
  if (typeof part !== 'object' || part === null) return part === whole
  return typeof whole === 'object' && whole !== null && Object.entries(part).every(([key, item]) => isPartOf(item, (whole as never)[key]))
}

describe('JSON that is still being written', () => {
  test.each([
    ['', undefined],
    ['Here you', undefined],
    ['{', {}],
    ['```json\n{"na', {}],
    ['{"name"', {}],
    ['{"name":', {}],
    ['{"name": "An', { name: 'An' }],
    ['{"name": "Ann\\', { name: 'Ann' }],
    ['{"name": "Ann\\u00e', { name: 'Ann' }],
    ['{"name": "\ud83d', { name: '' }],
    ['{"name": "\\ud83d', { name: '' }],
    ['{"name": "\\ud83d\\ude00', { name: '\u{1f600}' }],
    ['{"name": "Ann", "age": 3', { name: 'Ann' }],
    ['{"name": "Ann", "age": 31,', { name: 'Ann', age: 31 }],
    ['{"is": tru', {}],
    ['{"is": true', { is: true }],
    ['[1, [2, {"a": [', [1, [2, { a: [] }]]],
    ['{"a": 1} and more', { a: 1 }],
    ['{"__proto__": {"x": 1', { ['__proto__']: {} }],
    ['{"a": }', undefined],
    ['[}', undefined],
    ['['.repeat(65), undefined],
  ])('%j is read as %j', (text, value) => {
    expect(partialJson(text)).toEqual(value)
  })

  test('only grows, whatever it is and wherever it is cut, and is in the end what was written', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const whole: unknown = JSON.parse(text)
        for (let end = 1; end <= text.length; end++) {
          const part = partialJson(text.slice(0, end))
          expect(part === undefined || isPartOf(part, whole)).toBe(true)
        }
        expect(partialJson(text)).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  test('is never thrown at, and costs little, for text of any kind', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '1', 't', ' '), maxLength: 40 }),
        (text) => void partialJson(text),
      ),
    )
    for (const text of ['[1,'.repeat(64) + '1,'.repeat(200_000), `["${'\\"'.repeat(200_000)}`, '{'.repeat(400_000)]) partialJson(text)
  })
})

describe('JSON in an answer', () => {
  test.each([
    ['{"a":1}', [{ a: 1 }]],
    ['  42\n', [42]],
    ['```json\n{"a":1}\n```', [{ a: 1 }]],
    ['Here you are:\n```\n[1]\n```\nAnything else?', [[1]]],
    ['```ts\nconst a = 1\n```\n```json\n{"a":1}\n```', [{ a: 1 }]],
    ['As you said [1], it is {"a":"}"} then.', [[1], { a: '}' }]],
    ['{"a":1', []],
    ['I do not know.', []],
    ['['.repeat(1_000), []],
  ])('of %j is %j', (text, values) => {
    expect(jsonIn(text)).toEqual(values)
  })
})
