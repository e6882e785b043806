import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineTool } from './tool.ts'

const tool = { name: 'look', description: 'looks', execute: () => 'ok' }

function refusal(options: object): unknown {
  try {
    defineTool({ ...tool, ...options })
  } catch (error) {
    return error
  }
  return undefined
}

describe('the schema of a tool', () => {
  test('of a library is refused where a JSON Schema belongs, with the option to use', () => {
    const schema = Object.assign(() => {}, { '~standard': z.object({})['~standard'] })
    for (const inputSchema of [z.object({ to: z.string() }), schema])
      expect(refusal({ inputSchema })).toMatchObject({
        code: 'invalid-option',
        message: expect.stringMatching(/"inputSchema" must be JSON Schema, .* as "input", received/),
      })
  })

  test.each<[string, z.ZodType, RegExp]>([
    ['text', z.string(), /is of type "string"; wrap it/],
    ['a list', z.array(z.string()), /is of type "array"; wrap it/],
    ['a union', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), /is of no single type; wrap it/],
    ['anything', z.any(), /is of no single type; wrap it/],
  ])('that is no object is refused, since models take none: %s', (_, input, message) => {
    expect(refusal({ input })).toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(message),
      details: { option: 'input' },
    })
    // What the model is told is then the host's.
    expect(refusal({ input, inputSchema: { type: 'object' } })).toBeUndefined()
  })

  test.each<[string, z.ZodType]>([
    ['an object', z.object({ a: z.string() })],
    ['an object that may have other fields', z.looseObject({})],
    ['a record', z.record(z.string(), z.number())],
    ['an object that may be left out', z.object({}).optional()],
    ['an object that becomes something else', z.object({ a: z.string() }).transform(({ a }) => a)],
  ])('of an object is taken: %s', (_, input) => {
    expect(refusal({ input })).toBeUndefined()
    expect(defineTool({ ...tool, input }).declaration.inputSchema).toMatchObject({ type: 'object' })
  })
})
