import { describe, expect, test } from 'vitest'
import { toToolContent } from './tool-output.ts'

const image = { type: 'image', mediaType: 'image/png', data: 'AA==' } as const

describe('what a tool returns', () => {
  test.each([
    [undefined, ''],
    ['text', 'text'],
    [5, '5'],
    [null, 'null'],
    [[1, 'a'], '[1,"a"]'],
    [{ temperature: 3 }, '{"temperature":3}'],
    [{ content: 'text' }, 'text'],
    [{ content: 'text', isError: false }, 'text'],
  ])('is shown as it is: %j', (output, content) => {
    expect(toToolContent(output)).toEqual({ content, isError: false })
  })

  test('is an error when it says so', () => {
    expect(toToolContent({ content: 'no such file', isError: true })).toEqual({ content: 'no such file', isError: true })
  })

  test('may be parts', () => {
    expect(toToolContent({ content: [{ type: 'text', text: 'seen' }, image] })).toEqual({
      content: [{ type: 'text', text: 'seen' }, image],
      isError: false,
    })
  })

  test.each([
    { content: 'the file', path: '/a', size: 3 },
    { content: 'the file', isError: 'no' },
    { content: [{ type: 'text' }] },
    { content: [{ type: 'image' }] },
    { content: [null] },
    { content: 5 },
  ])('keeps every field of an object that only looks like content: %j', (output) => {
    expect(toToolContent(output as never)).toEqual({ content: JSON.stringify(output), isError: false })
  })

  test.each([[{ many: 1n }], [Object.assign([], { toJSON: () => 1n })]])('that JSON cannot hold is an error', (output) => {
    expect(toToolContent(output as never)).toMatchObject({ isError: true })
  })
})
