import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { zeroUsage } from '../base/messages.ts'
import type { Provider } from '../ports/provider.ts'
import { FunctionModel, type ModelTurn, stage } from '../testing/model.ts'
import type { StandardSchema } from '../tool/standard-schema.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'
const book = z.object({ title: z.string(), year: z.number() })
const good = '{"title":"Emma","year":1815}'

/** A session whose model gives these answers in turn. */
async function session(...answers: readonly (string | ModelTurn)[]) {
  const model = new FunctionModel((_request, index) => {
    const answer = answers[index] ?? 'nothing more'
    return typeof answer === 'string' ? { text: answer } : answer
  })
  const { claw } = await stage(model)
  return { claw, model, session: claw.session(key) }
}

describe('an answer of a certain shape', () => {
  test.each([
    ['in a fence', `\`\`\`json\n${good}\n\`\`\``],
    ['between sentences', `Sure [1]: ${good}. Anything else?`],
    ['as it is', good],
  ])('is read %s', async (_where, answer) => {
    const { session: books, model, claw } = await session(answer)
    const { output } = await books.send('?', { output: book }).result()
    expectTypeOf(output).toEqualTypeOf<{ title: string; year: number }>()
    expect(output).toEqual({ title: 'Emma', year: 1815 })
    expect(model.requests).toHaveLength(1)
    await claw.stop()
  })

  test('is asked for once more when it does not fit, with what is wrong; the history shows it', async () => {
    const { session: books, model, claw } = await session('{"title":"Emma"}', good)
    const result = await books.send('?', { output: book, idempotencyKey: 'one' }).result()
    expect(result).toMatchObject({ runId: 'one', text: good, output: { year: 1815 }, usage: { inputTokens: 20 } })
    const { messages } = await books.history()
    expect(messages.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(messages[2]?.message.content).toMatch(/^Your last answer cannot be used: it does not fit the schema: year: /)
    expect(model.requests[1]?.responseFormat).toEqual(model.requests[0]?.responseFormat)
    // A repeat of the message gets the same answers, and asks nothing.
    expect((await books.send('?', { output: book, idempotencyKey: 'one' }).result()).output.year).toBe(1815)
    expect((await books.follow('one', { output: book }).result()).output.year).toBe(1815)
    expect(model.requests).toHaveLength(2)
    await claw.stop()
  })

  test('that does not fit twice is an error with the text, and with the second answer as its cause', async () => {
    const { session: books, model, claw } = await session('no', 'no again', 'never asked for')
    await expect(books.send('?', { output: book }).result()).rejects.toMatchObject({
      code: 'invalid-output',
      isRetryable: true,
      details: { text: 'no', problem: 'it is not JSON' },
      cause: { code: 'invalid-output', details: { text: 'no again' } },
    })
    expect(model.requests).toHaveLength(2)
    await claw.stop()
  })

  test('is not asked for again with repair: false, nor by a follower', async () => {
    const { session: books, model, claw } = await session(`${'x'.repeat(20_000)}`, good)
    const refused = { code: 'invalid-output', details: { text: 'x'.repeat(10_000) } }
    await expect(books.send('?', { output: book, repair: false, idempotencyKey: 'one' }).result()).rejects.toMatchObject(refused)
    await expect(books.follow('one', { output: book }).result()).rejects.toMatchObject(refused)
    expect(model.requests).toHaveLength(1)
    await claw.stop()
  })

  test('keeps the repair that is there when the words of another one would differ', async () => {
    const { session: books, model, claw } = await session('no', good)
    await expect(books.send('?', { output: book, repair: false, idempotencyKey: 'one' }).result()).rejects.toThrow()
    await books.send('Other words', { output: book, idempotencyKey: 'one:repair' }).result()
    expect((await books.send('?', { output: book, idempotencyKey: 'one' }).result()).output.year).toBe(1815)
    expect(model.requests).toHaveLength(2)
    await claw.stop()
  })

  test('fails as it would without a repair when that cannot be made', async () => {
    const { session: books, claw } = await session('no')
    const run = books.send('?', { output: book, idempotencyKey: 'x'.repeat(256) })
    await expect(run.result()).rejects.toMatchObject({ code: 'invalid-output' })
    const refused = books.send('?', { output: book })
    await refused.accepted
    void claw.drain()
    await expect(refused.result()).rejects.toMatchObject({ code: 'invalid-output', cause: { code: 'draining' } })
    await claw.stop()
  })
})

describe('an answer that is being written', () => {
  const long = '{"title": "Sense and Sensibility", "year": 1811}'

  test('is told piece by piece, beside the events, and grows to the whole', async () => {
    const { session: books, claw } = await session(long)
    const run = books.send('?', { output: book })
    const parts: unknown[] = []
    const events: string[] = []
    await Promise.all([
      (async () => {
        for await (const part of run.partialOutput()) {
          expectTypeOf(part).toEqualTypeOf<{ readonly title?: string; readonly year?: number }>()
          parts.push(part)
        }
      })(),
      (async () => {
        for await (const { type } of run) events.push(type)
      })(),
    ])
    expect(parts).toEqual([
      {},
      { title: 'Sense ' },
      { title: 'Sense and ' },
      { title: 'Sense and Sensibility' },
      { title: 'Sense and Sensibility', year: 1811 },
    ])
    expect(events.filter((type) => type === 'text-delta')).toHaveLength(6)
    expect((await run.result()).output.year).toBe(1811)
    await claw.stop()
  })

  test('is told as a whole to a reader who joins while it is written, and has not heard its beginning', async () => {
    const held = Promise.withResolvers<void>()
    const model: Provider = {
      async *doStream() {
        yield { type: 'text-delta', text: '{"title": "[not a list' }
        await held.promise
        yield { type: 'text-delta', text: ' {nor an object", "year": 1811}' }
        yield { type: 'finish', reason: 'stop', usage: zeroUsage }
      },
    }
    const { claw } = await stage(model as FunctionModel)
    const run = claw.session(key).send('?', { output: book, idempotencyKey: 'one' })
    await run.accepted
    await flushEventLoop()
    const readers = [
      claw.session(key).follow('one', { output: book }),
      claw.session(key).send('?', { output: book, idempotencyKey: 'one' }),
    ]
    const read = readers.map(async (reader) => {
      const parts: unknown[] = []
      for await (const part of reader.partialOutput()) parts.push(part)
      return parts
    })
    await flushEventLoop()
    held.resolve()
    const whole = { title: '[not a list {nor an object', year: 1811 }
    expect(await Promise.all(read)).toEqual([[whole], [whole]])
    await claw.stop()
  })

  test('is told as a whole to a reader who comes late, and leaving ends the reading alone', async () => {
    const { session: books, claw } = await session(long)
    const run = books.send('?', { output: book, idempotencyKey: 'one' })
    for await (const _part of run.partialOutput()) break
    expect((await run.result()).output.year).toBe(1811)
    const parts: unknown[] = []
    for await (const part of books.follow('one', { output: book }).partialOutput()) parts.push(part)
    expect(parts).toEqual([{ title: 'Sense and Sensibility', year: 1811 }])
    await claw.stop()
  })
})

describe('a schema that cannot be told to a model', () => {
  const plain: StandardSchema<string> = {
    '~standard': { version: 1, vendor: 'own', validate: (value) => ({ value: String(value) }) },
  }

  test.each([
    ['a date', z.object({ a: z.object({ when: z.date() }) }), 'a.when', /Date cannot be represented/],
    ['a date that may be missing', z.object({ when: z.date().optional() }), 'when', /Date/],
    ['a map in a list', z.object({ lists: z.array(z.object({ m: z.map(z.string(), z.string()) })) }), 'lists.[].m', /Map/],
    ['a function', z.object({ call: z.function() }), 'call', /Function/],
    ['a class', z.object({ either: z.union([z.string(), z.object({ file: z.instanceof(URL) })]) }), 'either.file', /Custom/],
    ['a schema of a library that makes none', plain, '', /its library makes none/],
  ])('is refused before anything is sent: %s', async (_what, schema, path, why) => {
    const { session: books, model, claw } = await session()
    const problem = { code: 'invalid-option', message: expect.stringMatching(why), details: expect.objectContaining({ path }) }
    const make = (): unknown =>
      defineTool({ name: 'tool', description: 'takes it', input: schema as StandardSchema<object>, execute: () => 'ok' })
    await expect(books.send('?', { output: schema as StandardSchema }).accepted).rejects.toMatchObject(problem)
    expect(make).toThrow(expect.objectContaining({ ...problem, message: expect.stringMatching(/defineTool "tool".*"inputSchema"/) }))
    expect(model.requests).toHaveLength(0)
    await claw.stop()
  })

  test('is used with the JSON Schema that is given beside it', async () => {
    const { session: books, model, claw } = await session('"hello"')
    const { output } = await books.send('?', { output: plain, outputSchema: { type: 'string' } }).result()
    expect([output, model.requests[0]?.responseFormat]).toEqual(['hello', { type: 'json', schema: { type: 'string' } }])
    await claw.stop()
  })

  test('is no JSON Schema itself: that is refused too, with what was expected', async () => {
    const { session: books, claw } = await session()
    const given = { type: 'object' } as never
    for (const use of [() => books.send('?', { output: given }), () => books.follow('one', { output: given })]) {
      await expect(use().result()).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringContaining('Standard Schema') })
    }
    await claw.stop()
  })
})
