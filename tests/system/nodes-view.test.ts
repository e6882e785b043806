/** What each node sees of the others. */
import type { NodeTree, TreeOutline } from '@beamclaw/core'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

const patiently = { timeout: 15_000, interval: 10 }

test('a node whose tree has ended leaves the cluster, and the others have its sessions', async () => {
  await using lab = await Nodes.start()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const sessions = Array.from({ length: 8 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions) await first.claw.session(session).send('one', { idempotencyKey: 'one' }).accepted
  first.claw.kill()
  await vi.waitFor(() => expect(second.claw.cluster.nodes.map(({ id }) => id).toSorted()).toEqual(['node-1', 'node-2']), patiently)
  for (const session of sessions)
    expect((await second.claw.session(session).send('two', { idempotencyKey: 'two' }).accepted).status).toBe('accepted')
})

test('what a host adds to the status cannot keep it from being told', async () => {
  await using lab = await Nodes.start({ count: 2 })
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const thrown = (): never => {
    throw new Error('no')
  }
  for (const report of [thrown, () => ({ big: 1n }), () => null]) {
    first.claw.cluster.report(report as never)
    for (const { claw } of [first, second])
      expect((await claw.cluster.status()).map(({ activity }) => activity?.phase)).toEqual(['running', 'running'])
  }
  expect(() => first.claw.cluster.report(5 as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
})

test('each node draws the trees of all of them, in outline', async () => {
  await using lab = await Nodes.start()
  const [first] = lab.nodes as [LabNode]
  const sessions = Array.from({ length: 12 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions) await first.claw.session(session).send('hello').accepted
  const sessionsOf = ({ tree }: NodeTree): TreeOutline | undefined => {
    const tenants = tree?.children?.find(({ id }) => id === 'tenants')
    return tenants?.children?.[0]?.children?.find(({ id }) => id === 'sessions')
  }
  const whole = await first.claw.cluster.trees({ mostChildren: 100 })
  expect(whole.map(({ id, isSelf }) => [id, isSelf])).toEqual([
    ['node-0', true],
    ['node-1', false],
    ['node-2', false],
  ])
  expect(whole.flatMap((node) => sessionsOf(node)?.children?.map(({ id }) => id) ?? []).toSorted()).toEqual(sessions.toSorted())
  const outlines = await first.claw.cluster.trees({ mostChildren: 1 })
  expect(outlines.every(({ tree }) => (tree?.children?.length ?? 2) <= 1)).toBe(true)
  lab.network.cut('node-0', 'node-1')
  const [, other, third] = await first.claw.cluster.trees()
  expect([other?.tree, other?.problem]).toEqual([undefined, expect.stringContaining('no answer within 2000 ms')])
  expect(third?.tree?.id).toBe('beamclaw')
  await expect(first.claw.cluster.trees({ mostChildren: 0 })).rejects.toMatchObject({ code: 'invalid-option' })
})
