import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

describe('a context schema that changes what it reads', () => {
  test('is taken where its output is JSON, and a tool with the same schema gets that output', async () => {
    const context = z.object({ name: z.string().transform((text) => text.length) })
    const seen: unknown[] = []
    const look = defineTool({ name: 'look', description: 'looks', context, execute: (_, call) => void seen.push(call.context) })
    const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'look' }] } : { text: 'fine' }))
    const { claw } = await stage(model, {
      context,
      tools: [look],
      system: (call: { context: unknown }) => `${JSON.stringify(call.context)}`,
    } as never)
    await claw
      .session(key)
      .send('hello', { context: { name: 'Ada' } })
      .result()
    expect(seen).toEqual([{ name: 3 }])
    expect(model.requests[0]?.system).toBe('{"name":3}')
    claw.kill()
  })

  test('is refused where its output is more than JSON can hold, with the place', async () => {
    const context = z.object({ since: z.iso.date().transform((text) => new Date(text)) })
    const { claw } = await stage(new FunctionModel(() => ({ text: 'fine' })), { context } as never)
    await expect(claw.session(key).send('hello', { context: { since: '2026-01-01' } }).accepted).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining('context.since is a Date'),
    })
    expect(await claw.session(key).exists()).toBe(false)
    claw.kill()
  })
})
