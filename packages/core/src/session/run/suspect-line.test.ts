import { SystemClock } from '@beamclaw/actor'
import { expect, test, vi } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { Cluster, Lease } from '../../ports/cluster.ts'
import { SuspectLine } from './suspect-line.ts'

/** The leases of several nodes, as a cluster grants them. */
function leases() {
  const owners = new Map<string, string>()
  const node = (id: string): Cluster =>
    ({
      async acquire(key: string): Promise<Lease> {
        if ((owners.get(key) ?? id) !== id) throw new BeamClawError('fenced', 'Another node has it')
        owners.set(key, id)
        return { key, owner: id, epoch: 1 } as unknown as Lease
      },
      async release({ key }: Lease): Promise<void> {
        owners.delete(key)
      },
    }) as unknown as Cluster
  return { owners, node }
}

const never = async (): Promise<void> => {}

test('a suspect of one node waits for that of another, and has its turn as soon as that has ended', async () => {
  const { owners, node } = leases()
  const [one, two] = ['one', 'two'].map((id) => new SuspectLine(new SystemClock(), node(id))) as [SuspectLine, SuspectLine]
  const { signal } = new AbortController()
  const end = await one.enter(signal, never)
  let hasTurn = false
  const second = two.enter(signal, never).then((endSecond) => {
    hasTurn = true
    return endSecond
  })
  // It has asked, and asks again.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(hasTurn).toBe(false)
  expect(owners.size).toBe(1)
  end()
  const endSecond = await second
  expect([...owners.values()]).toEqual(['two'])
  endSecond()
  await vi.waitFor(() => expect(owners.size).toBe(0))
})

test('two suspects of one node have their turns one after the other, and one that is aborted leaves the line', async () => {
  const line = new SuspectLine(new SystemClock(), leases().node('one'))
  const order: string[] = []
  const { signal } = new AbortController()
  const aborted = new AbortController()
  const end = await line.enter(signal, never)
  const given = line.enter(aborted.signal, never).then(() => order.push('aborted'))
  const last = line.enter(signal, never).then((endLast) => {
    order.push('last')
    endLast()
  })
  aborted.abort()
  await given
  expect(order).toEqual(['aborted'])
  end()
  await last
  expect(order).toEqual(['aborted', 'last'])
})
