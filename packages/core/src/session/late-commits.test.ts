/** Writes of a session that are heard of only after the session was killed and loaded anew. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { FunctionModel, stage } from '../testing/model.ts'
import { killPart } from '../testing/parts.ts'
import { TroubledStore } from '../testing/troubled-store.ts'
import { defineTool } from '../tool/tool.ts'

const key = 'agent:main:main'

test('take no request for approval away that the next life of the session has made', async () => {
  const store = new TroubledStore()
  const heard = Promise.withResolvers<void>()
  let isHeld = false
  store.after = async (records) => {
    if (isHeld || !records.some(({ type }) => type === 'tool-outcome')) return
    isHeld = true
    await heard.promise
  }
  const look = defineTool({ name: 'look', description: 'Looks', inputSchema: { type: 'object' }, execute: () => 'seen' })
  const buy = defineTool({ name: 'buy', description: 'Buys', inputSchema: { type: 'object' }, risk: 'high', execute: () => 'bought' })
  const model = new FunctionModel(({ messages }) => {
    const results = messages.filter(({ role }) => role === 'tool').length
    if (results === 0) return { calls: [{ id: 'one', name: 'look', input: {} }] }
    if (results === 1) return { calls: [{ id: 'two', name: 'buy', input: {} }] }
    return { text: 'done' }
  })
  const { claw, clock } = await stage(model, { tools: [look, buy] }, { store })
  await claw.session(key).send('go', { idempotencyKey: 'run' }).accepted
  for (let turn = 0; turn < 100 && !isHeld; turn++) await flushEventLoop()
  expect(isHeld).toBe(true)
  killPart(claw, 'sessions')
  const waiting = async () => (await claw.approvals.list()).map(({ toolName }) => toolName)
  for (let second = 0; second < 30 && (await waiting()).length === 0; second++) await clock.advance(1_000)
  expect(await waiting()).toEqual(['buy'])
  // The first life of the session hears of its write, and knows of no request.
  heard.resolve()
  for (let turn = 0; turn < 20; turn++) await flushEventLoop()
  expect(await waiting()).toEqual(['buy'])
  const [request] = await claw.approvals.list()
  await claw.approvals.approve(request?.id ?? '')
  expect((await claw.session(key).follow('run').result()).text).toBe('done')
})
