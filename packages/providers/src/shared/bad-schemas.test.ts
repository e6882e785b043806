/** Schemas of tools and answers as users write them: large, deep, recursive, and broken. None may hang a call, overflow the stack or end in an untyped error. */
import type { JsonObject, ProviderRequest } from '@beamclaw/core'
import { BeamClawError } from '@beamclaw/core'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { httpAdapters } from '../testing/bad-servers.ts'

const wide: JsonObject = {
  type: 'object',
  properties: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`field_${index}`, { type: 'string' }])),
}

const tree: JsonObject = {
  type: 'object',
  properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
  $defs: { node: { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } }, root: { $ref: '#' } } } },
}

/** Each definition refers twice to the next one, so there are 2^60 ways through it, and no loop. */
const manyWays: JsonObject = {
  type: 'object',
  properties: { first: { $ref: '#/$defs/d0' } },
  $defs: Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `d${index}`,
      {
        type: 'object',
        properties:
          index === 59 ? { end: { type: 'string' } } : { a: { $ref: `#/$defs/d${index + 1}` }, b: { $ref: `#/$defs/d${index + 1}` } },
      },
    ]),
  ),
}

const strange: JsonObject = {
  type: 'object',
  properties: {
    a: { $ref: '#/$defs/none' },
    b: { $ref: 'https://elsewhere.test/schema.json' },
    c: { $ref: '' },
    d: { $ref: '#/properties/d' },
  },
}

function deep(levels: number): JsonObject {
  let schema: JsonObject = { type: 'string' }
  for (let level = 0; level < levels; level++) schema = { type: 'object', properties: { inner: schema } }
  return schema
}

function cyclic(): JsonObject {
  const schema = { type: 'object', properties: {} as Record<string, unknown> }
  schema.properties.self = schema
  return schema as unknown as JsonObject
}

const places = {
  tool: (schema: JsonObject) => ({ tools: [{ name: 'look_up', description: 'looks up', inputSchema: schema }] }),
  answer: (schema: JsonObject) => ({ responseFormat: { type: 'json' as const, schema } }),
}

/** Resolves with the code of the error, or with `answered`. */
async function outcome(make: (typeof httpAdapters)[number][1], more: Partial<ProviderRequest>): Promise<string> {
  await using server = await startModelServer({ answers: ['taken'] })
  const request: ProviderRequest = { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hello' }], ...more }
  const provider = make({ baseUrl: server.baseUrl, apiKey: 'sk-secret-0123456789' })
  try {
    for await (const part of provider.doStream(request, { signal: new AbortController().signal })) void part
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error.code
    throw error
  }
  return 'answered'
}

describe.each(httpAdapters)('%s', (_adapter, make) => {
  describe.each(Object.entries(places))('the schema of a %s', (_place, at) => {
    it.each([
      ['200 fields', wide],
      ['references to itself', tree],
      ['references that branch', manyWays],
      ['references to nothing', strange],
      ['300 levels', deep(300)],
    ])('with %s is sent', async (_what, schema) => {
      expect(await outcome(make, at(schema))).toBe('answered')
    })

    it.each([
      ['a hundred thousand levels', deep(100_000)],
      ['a loop of objects', cyclic()],
    ])('with %s is refused', async (_what, schema) => {
      expect(await outcome(make, at(schema))).toBe('provider-bad-request')
    })
  })
})
