import { BeamClawError, parseTenantId } from '@beamclaw/core'
import { killPart } from '@beamclaw/core/testing'
import { faultyStore, textAnswer } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { type ClockedNode, ClockedNodes, ttlMs } from './lab/clocked-nodes.ts'

const never = (): Promise<never> => new Promise(() => {})

/** The types of the records of a session. */
async function typesAt({ claw }: ClockedNode, lab: ClockedNodes, key: string): Promise<readonly string[]> {
  const types: string[] = []
  const ended = new AbortController()
  const read = async (): Promise<void> => {
    for await (const { type } of claw.session(key).subscribe(1, { signal: ended.signal })) types.push(type)
  }
  const reading = read().catch(() => {})
  await lab.pass(2_000)
  ended.abort()
  await reading
  return types
}

test('the list of a dead node is kept until the one that goes on with its session has listed it', async () => {
  await using lab = new ClockedNodes()
  const first = await lab.add('a', { answers: never })
  const key = await lab.sessionAt(first)
  await lab.within(2_000, first.claw.session(key).send('hello').accepted)
  const held = Promise.withResolvers<void>()
  const holdsLists = faultyStore(lab.store, ({ method, key: [, folder] }) =>
    method === 'append' && folder === 'work' ? { type: 'delay', before: held.promise } : undefined,
  )
  const list = [parseTenantId('default'), 'work', first.cluster.self.incarnation] as const
  const second = await lab.add('b', { store: holdsLists })
  lab.kill(first)
  await lab.pass(2 * ttlMs)
  expect(await lab.store.readLog(list, { limit: 1 })).toBeDefined()
  held.resolve()
  await lab.pass(5_000)
  expect(await lab.store.readLog(list, { limit: 1 })).toBeUndefined()
  expect(await typesAt(second, lab, key)).toContain('run-end')
})

describe('a run that was taken over while it waits for its next attempt, and could not be listed at first', () => {
  /** The node that takes over, once the one that had the run is dead, and the list of that one. */
  async function takenOver(lab: ClockedNodes) {
    const waits = (): never => {
      throw new BeamClawError('provider-overloaded', 'too much to do', { retryAfterMs: 4_000 })
    }
    const first = await lab.add('a', { answers: waits })
    const key = await lab.sessionAt(first)
    await lab.within(1_000, first.claw.session(key).send('hello').accepted)
    let failures = 1
    const troubled = faultyStore(lab.store, ({ method, key: [, folder] }) =>
      method === 'append' && folder === 'work' && failures-- > 0 ? { type: 'fail-before', code: 'store-io' } : undefined,
    )
    const second = await lab.add('b', { store: troubled })
    lab.kill(first)
    const lastType = async (): Promise<string | undefined> => {
      const found = await lab.store.readLog([parseTenantId('default'), 'sessions', 'main', key.split(':')[2] ?? ''])
      return found?.records.at(-1)?.type
    }
    const hasList = async (): Promise<boolean> =>
      (await lab.store.readLog([parseTenantId('default'), 'work', first.cluster.self.incarnation], { limit: 1 })) !== undefined
    return { second, lastType, hasList, failuresLeft: () => failures }
  }

  test('goes on there by itself', async () => {
    await using lab = new ClockedNodes()
    const { lastType, failuresLeft } = await takenOver(lab)
    await lab.pass(ttlMs + 30_000)
    expect(failuresLeft()).toBeLessThan(0)
    expect(await lastType()).toBe('run-end')
  })

  test('goes on elsewhere when that node dies, too', async () => {
    await using lab = new ClockedNodes()
    const { second, lastType, hasList } = await takenOver(lab)
    while (await hasList()) await lab.pass(200)
    expect(await lastType()).not.toBe('run-end')
    lab.kill(second)
    await lab.add('c')
    await lab.pass(ttlMs + 30_000)
    expect(await lastType()).toBe('run-end')
  })
})

test('a drain whose others die meanwhile strikes no session off the list that goes on where it was', async () => {
  await using lab = new ClockedNodes()
  const first = await lab.add('a', { answers: never })
  const second = await lab.add('b', { answers: never })
  const key = await lab.sessionAt(first)
  await lab.within(2_000, first.claw.session(key).send('hello').accepted)
  void first.claw.drain({ stepMs: 3 * ttlMs })
  await lab.pass(1_000)
  lab.kill(second)
  await lab.pass(5 * ttlMs)
  lab.kill(first)
  const third = await lab.add('c')
  await lab.pass(2 * ttlMs)
  expect(await typesAt(third, lab, key)).toContain('run-end')
})

test('a session that goes on at another node after a restart of the branch is busy there alone', async () => {
  await using lab = new ClockedNodes()
  const first = await lab.add('a', { answers: never })
  const keys: string[] = []
  for (let number = 1; number <= 8; number++) {
    const key = `agent:main:chat-${number}`
    keys.push(key)
    await lab.within(1_000, first.claw.session(key).send('hello').accepted)
  }
  const second = await lab.add('b', { answers: never })
  killPart(first.claw, 'tools')
  await lab.pass(5_000)
  const owners = await lab.within(1_000, Promise.all(keys.map((key) => first.cluster.locate(`default:${key}`))))
  const here = owners.filter(({ node }) => node.id === 'a').length
  expect(here).toBeLessThan(keys.length)
  const status = await lab.within(3_000, second.claw.cluster.status())
  expect(status.map(({ activity }) => activity?.busySessions)).toEqual([here, keys.length - here])
})

test('a session that has left memory starts where the cluster says, whatever a caller remembers', async () => {
  await using lab = new ClockedNodes()
  const [first, second] = [await lab.add('a'), await lab.add('b')]
  const inB = new Set<string>()
  for (let number = 1; number <= 200; number++)
    if ((await second.cluster.locate(`default:agent:main:chat-${number}`)).node.id === 'b') inB.add(`agent:main:chat-${number}`)
  for (const key of inB) await lab.within(200, first.claw.session(key).send('one').accepted)
  const third = await lab.add('c')
  await lab.pass(10_000)
  const key = await lab.sessionAt(third, (one) => inB.has(one))
  await lab.within(1_000, first.claw.session(key).send('two').accepted)
  expect(await lab.within(200, first.cluster.locate(`default:${key}`))).toMatchObject({ isOwner: true, node: { id: 'c' } })
})

test('a subscriber on a node that was cut off is told what happened to a session that was elsewhere and is back', async () => {
  await using lab = new ClockedNodes()
  const [first, second] = [await lab.add('a'), await lab.add('b')]
  const key = await lab.sessionAt(first)
  await lab.within(1_000, first.claw.session(key).send('one').result())
  const heard: number[] = []
  const follow = async (): Promise<void> => {
    while (first.claw.isRunning)
      try {
        for await (const event of first.claw.session(key).subscribe((heard.at(-1) ?? 0) + 1)) if ('seq' in event) heard.push(event.seq)
      } catch {
        await new Promise<void>((resolve) => lab.clock.setTimer(resolve, 200))
      }
  }
  void follow()
  await lab.pass(1_000)
  first.cluster.freeze()
  await lab.pass(2 * ttlMs)
  await lab.within(2_000, second.claw.session(key).send('two').result())
  await lab.pass(5_000)
  first.cluster.thaw()
  await lab.pass(15_000)
  const { seq } = await lab.within(2_000, second.claw.session(key).history())
  expect(heard).toEqual(Array.from({ length: seq }, (_, index) => index + 1))
})

test('a subscriber is told of a record that is durable although its write failed, and nothing need come after it', async () => {
  await using lab = new ClockedNodes()
  let failures = 1
  const store = faultyStore(lab.store, ({ method, records = [] }) =>
    method === 'append' && records.some(({ type }) => type === 'run-end') && failures-- > 0 ? { type: 'fail-after' } : undefined,
  )
  const node = await lab.add('a', { store })
  const key = await lab.sessionAt(node)
  const types: string[] = []
  await lab.within(200, node.claw.session(key).configure({ label: 'a chat' }))
  const read = async (): Promise<void> => {
    for await (const { type } of node.claw.session(key).subscribe()) types.push(type)
  }
  void read()
  await lab.pass(1_000)
  void node.claw
    .session(key)
    .send('hello')
    .accepted.catch(() => {})
  await lab.pass(5_000)
  expect(types.filter((type) => type === 'run-end')).toHaveLength(1)
})

test('a subscriber is told of such a record also when its session is killed before it has read its journal again', async () => {
  await using lab = new ClockedNodes()
  let failures = 1
  const store = faultyStore(lab.store, ({ method, records = [] }) =>
    method === 'append' && records.some(({ type }) => type === 'run-end') && failures-- > 0 ? { type: 'fail-after' } : undefined,
  )
  const node = await lab.add('a', { store })
  const key = await lab.sessionAt(node)
  const types: string[] = []
  await lab.within(200, node.claw.session(key).configure({ label: 'a chat' }))
  const read = async (): Promise<void> => {
    for await (const { type } of node.claw.session(key).subscribe()) types.push(type)
  }
  void read()
  await lab.pass(1_000)
  void node.claw
    .session(key)
    .send('hello')
    .accepted.catch(() => {})
  await lab.pass(400)
  expect(types).not.toContain('run-end')
  killPart(node.claw, 'sessions')
  await lab.pass(5_000)
  expect(types.filter((type) => type === 'run-end')).toHaveLength(1)
})

test('a session whose write failed tries again for as long as its node cannot reach the cluster', async () => {
  await using lab = new ClockedNodes()
  let failures = 1
  const store = faultyStore(lab.store, ({ method, records = [] }) =>
    method === 'append' && records.some(({ type }) => type === 'model-response') && failures-- > 0 ? { type: 'fail-before' } : undefined,
  )
  const answer = Promise.withResolvers<void>()
  const first = await lab.add('a', { store, answers: () => answer.promise.then(() => textAnswer('heard')) })
  await lab.add('b')
  const key = await lab.sessionAt(first)
  await lab.within(400, first.claw.session(key).send('hello').accepted)
  lab.network.isolate('a')
  answer.resolve()
  await lab.pass(ttlMs / 3)
  expect(failures).toBe(0)
  lab.network.heal()
  await lab.pass(20_000)
  expect(await typesAt(first, lab, key)).toContain('run-end')
})

/** Loses the next message of a kind. */
function loseNext(lab: ClockedNodes, lost: 'request' | 'reply'): void {
  lab.network.faults = ({ kind }) => {
    if (kind !== lost) return undefined
    lab.network.faults = undefined
    return { type: 'lose' }
  }
}

test.each(['request', 'reply'] as const)('an abort of whatever runs whose first %s is lost is carried out soon', async (lost) => {
  await using lab = new ClockedNodes()
  const [first, second] = [await lab.add('a', { answers: never }), await lab.add('b', { answers: never })]
  const key = await lab.sessionAt(second)
  const run = first.claw.session(key).send('hello', { idempotencyKey: 'one' })
  await lab.within(1_000, run.accepted)
  loseNext(lab, lost)
  expect(await lab.within(3_000, first.claw.session(key).abort())).toMatchObject({ runId: 'one', wasAborted: true })
  expect(lab.network.faults).toBeUndefined()
})

test.each(['request', 'reply'] as const)('a read that grows with its session is asked for again when its %s is lost', async (lost) => {
  await using lab = new ClockedNodes()
  const [first, second] = [await lab.add('a'), await lab.add('b')]
  const key = await lab.sessionAt(second)
  const session = first.claw.session(key)
  await lab.within(1_000, session.send('hello').result())
  const reads: (() => Promise<unknown>)[] = [() => session.history(), () => session.export(), () => session.deadLetters()]
  for (const read of reads) {
    loseNext(lab, lost)
    expect(await lab.within(11_000, read())).toBeDefined()
    expect(lab.network.faults).toBeUndefined()
  }
})

test('a read that takes long is not given up for the one that is asked for beside it', async () => {
  await using lab = new ClockedNodes()
  const held: PromiseWithResolvers<void>[] = []
  let isSlow = false
  const slow = faultyStore(lab.store, ({ method }) => {
    if (!isSlow || method !== 'readLog') return undefined
    const one = Promise.withResolvers<void>()
    held.push(one)
    return { type: 'delay', before: one.promise }
  })
  const [first, second] = [await lab.add('a'), await lab.add('b', { store: slow })]
  const key = await lab.sessionAt(second)
  await lab.within(1_000, first.claw.session(key).send('hello').result())
  isSlow = true
  const reading = first.claw.session(key).history()
  await lab.pass(45_000)
  expect(held).not.toEqual([])
  // The first one that was asked for is read, and no other.
  held[0]?.resolve()
  isSlow = false
  expect((await lab.within(2_000, reading)).total).toBe(2)
})
