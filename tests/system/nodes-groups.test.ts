import { Actor, BeamClawError, type JsonValue } from '@beamclaw/core'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

const patiently = { timeout: 10_000, interval: 5 }

class Worker extends Actor<JsonValue, JsonValue> {
  readonly heard: JsonValue[] = []

  protected override handle(message: JsonValue): JsonValue {
    this.heard.push(message)
    return { by: this.id, message }
  }
}

async function scene() {
  const lab = await Nodes.start()
  const nodes = [...lab.nodes] as [LabNode, LabNode, LabNode]
  const seen = (count: number): Promise<void> =>
    vi.waitFor(() => expect(nodes.map(({ claw }) => claw.groups.members('workers').length)).toEqual([count, count, count]), patiently)
  return { lab, nodes, seen }
}

async function codeOf(promise: Promise<unknown> | undefined): Promise<string> {
  const error = await promise?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return BeamClawError.isInstance(error) ? error.code : `no error: ${String(error)}`
}

test('members at all nodes hear what is cast, and answer what is called, those here first', async () => {
  const { lab, nodes, seen } = await scene()
  await using _lab = lab
  const workers = await Promise.all(['one', 'two'].map((id) => new Worker({ id }).start()))
  for (const [index, worker] of workers.entries()) nodes[index]?.claw.groups.join('workers', worker)
  await seen(2)
  expect(nodes[2].claw.groups.cast('workers', 'all of you')).toBe(2)
  await vi.waitFor(() => expect(workers.map(({ heard }) => heard)).toEqual([['all of you'], ['all of you']]), patiently)
  for (let round = 0; round < 5; round++) expect(await nodes[0].claw.groups.call('workers', round)).toEqual({ by: 'one', message: round })
  const asked = new Set<unknown>()
  for (let round = 0; round < 30; round++) asked.add(((await nodes[2].claw.groups.call('workers', 'who')) as { by: string }).by)
  expect(asked).toEqual(new Set(['one', 'two']))
  const [first] = nodes[2].claw.groups.members('workers').filter(({ node }) => node === 'node-0')
  expect([first?.isLocal, await first?.call('you')]).toEqual([false, { by: 'one', message: 'you' }])

  await workers[0]?.stop()
  await seen(1)
  expect(await codeOf(first?.call('are you there'))).toBe('actor-not-running')
})

test('errors of a member reach its caller at another node, and a member that is gone is passed over', async () => {
  const { lab, nodes, seen } = await scene()
  await using _lab = lab
  const leave = nodes[0].claw.groups.join('workers', {
    handle: (message) => {
      if (message === 'plain') throw new Error('a secret')
      throw new BeamClawError('unknown-run', 'there is no such run', { details: { run: 'r1' } })
    },
  })
  await seen(1)
  expect(await codeOf(nodes[1].claw.groups.call('workers', 'typed'))).toBe('unknown-run')
  expect(await codeOf(nodes[1].claw.groups.call('workers', 'plain'))).toBe('internal')
  nodes[0].claw.groups.join('workers', { handle: () => 'still here' })
  await seen(2)
  leave()
  // The other node may not have heard of it yet.
  for (let round = 0; round < 5; round++) expect(await nodes[1].claw.groups.call('workers', 1)).toBe('still here')

  // Its node dies: the members that are left are asked, also before its death is known.
  nodes[1].claw.groups.join('workers', { handle: () => 'elsewhere' })
  await seen(2)
  const [gone] = nodes[2].claw.groups.members('workers').filter(({ node }) => node === 'node-0')
  lab.kill(nodes[0])
  lab.nodes.shift()
  expect(await codeOf(gone?.call('hello'))).toBe('node-gone')
  expect(await nodes[2].claw.groups.call('workers', 1)).toBe('elsewhere')
  await vi.waitFor(() => expect(nodes[2].claw.groups.members('workers').map(({ node }) => node)).toEqual(['node-1']), patiently)
})
