/** Calls that follow a session to its next node. */
import { flushEventLoop } from '@beamclaw/core/testing'
import { expect, test } from 'vitest'
import { type ClockedNode, ClockedNodes } from './lab/clocked-nodes.ts'

async function threeNodes(lab: ClockedNodes): Promise<readonly [ClockedNode, ClockedNode, ClockedNode]> {
  return [await lab.add('one'), await lab.add('two'), await lab.add('three')]
}

/** Resolves once a call has ended, without a millisecond passing. */
async function atOnce<T>(call: Promise<T>): Promise<T> {
  let isOver = false
  void call.finally(() => {
    isOver = true
  })
  for (let turn = 0; turn < 200 && !isOver; turn++) await flushEventLoop()
  if (!isOver) throw new Error('the call waits')
  return call
}

test('a call that still knows the drained node is carried out at the next one without a wait', async () => {
  await using lab = new ClockedNodes()
  const [one, ...others] = await threeNodes(lab)
  const key = await lab.sessionAt(one)
  for (const [index, { claw }] of others.entries()) await lab.within(200, claw.session(key).send(`before ${index}`).accepted)
  void one.claw.drain()
  // The conversation leaves meanwhile.
  for (let turn = 0; turn < 50; turn++) await flushEventLoop()
  const { node } = await one.cluster.locate(`default:${key}`)
  const caller = others.find(({ id }) => id !== node.id)
  expect(node.id).not.toBe('one')
  expect((await atOnce(caller?.claw.session(key).send('after').accepted ?? Promise.reject(caller))).status).toBe('accepted')
})
