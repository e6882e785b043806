import type { Logger, RunningBeamClaw } from '@beamclaw/core'
import { flushEventLoop } from '@beamclaw/core/testing'
import { textAnswer } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { type ClockedNode, type ClockedNodeOptions, ClockedNodes } from './lab/clocked-nodes.ts'

const minute = 60_000

/** Sessions stay in memory for as long as a test takes. */
const longLived = { passivateAfterMs: 24 * 60 * minute }

interface Moves {
  readonly logger: Logger
  /** The number of sessions of each round in which some were moved. */
  readonly rounds: number[]
}

function moves(): Moves {
  const rounds: number[] = []
  const logger: Logger = {
    log: (_level, event, fields) => {
      if (event === 'cluster.rebalanced') rounds.push(Number(fields?.sessions))
    },
  }
  return { rounds, logger }
}

const nameOf = (number: number): string => `agent:main:chat-${number}`

/** A node with so many sessions at rest in memory. */
async function fullNode(lab: ClockedNodes, count: number, options: ClockedNodeOptions = {}): Promise<ClockedNode> {
  const node = await lab.add('a', { sessions: longLived, ...options })
  const sent = Array.from({ length: count }, (_, number) => node.claw.session(nameOf(number)).send('hello').result())
  await lab.within(2_000, Promise.all(sent))
  await lab.pass(10_000)
  return node
}

/** The numbers of the sessions that a node owns. */
async function ownedBy({ cluster }: ClockedNode, count: number): Promise<readonly number[]> {
  const owned: number[] = []
  for (let number = 0; number < count; number++) {
    const { node, isOwner } = await cluster.locate(`default:${nameOf(number)}`)
    if (isOwner && node.id === cluster.self.id) owned.push(number)
  }
  return owned
}

/** What a subscriber is told of the durable events of a session, from the beginning. */
function subscriber(claw: RunningBeamClaw, key: string): { readonly heard: number[]; readonly ends: string[]; stop(): void } {
  const ended = new AbortController()
  const [heard, ends]: [number[], string[]] = [[], []]
  const follow = async (): Promise<void> => {
    for await (const event of claw.session(key).subscribe(1, { signal: ended.signal })) {
      if ('seq' in event) heard.push(event.seq)
      if (event.type === 'run-end') ends.push(event.runId)
    }
  }
  follow().catch(() => {})
  return { heard, ends, stop: () => ended.abort() }
}

test('a node that joins beside a full one gets one of fifty sessions at rest each minute, until both have about as much', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  const first = await fullNode(lab, 100, { logger })
  const second = await lab.add('b', { sessions: longLived, logger })
  const watched = subscriber(first.claw, nameOf(99))
  await lab.pass(minute)
  expect(rounds).toEqual([2])
  const moved = await lab.within(2_000, ownedBy(second, 100))
  expect(moved).toHaveLength(2)
  await lab.pass(3 * minute)
  expect(rounds).toEqual([2, 1, 1, 1])
  const status = await lab.within(3_000, first.claw.cluster.status())
  expect(status.map(({ activity }) => activity?.sessions)).toEqual([95, 5])
  await lab.pass(32 * minute)
  const [full, other] = (await lab.within(3_000, first.claw.cluster.status())).map(({ activity }) => activity?.sessions ?? 0)
  expect([(full ?? 0) + (other ?? 0), rounds.every((count) => count <= 2)]).toEqual([100, true])
  // A difference of less than 20 to the mean moves nothing any more. Loads are told once they differ by a tenth.
  expect(full).toBeGreaterThan(60)
  expect(full).toBeLessThan(72)
  watched.stop()
})

test('subscribers and handles go on at each node when a session is moved', async () => {
  await using lab = new ClockedNodes()
  const first = await fullNode(lab, 50)
  const second = await lab.add('b', { sessions: longLived })
  // The session that worked last is the one that is moved.
  const key = nameOf(7)
  await lab.within(2_000, second.claw.session(key).send('before').result())
  const readers = [first, second].map(({ claw }) => subscriber(claw, key))
  await lab.pass(minute)
  expect((await lab.within(1_000, first.cluster.locate(`default:${key}`))).node.id).toBe('b')
  for (const { claw } of [first, second]) await lab.within(2_000, claw.session(key).send('after').result())
  await lab.pass(1_000)
  const { seq, messages } = await lab.within(2_000, first.claw.session(key).history())
  expect(messages.filter(({ message }) => message.role === 'user')).toHaveLength(4)
  for (const { heard, ends } of readers) {
    expect(heard).toEqual(Array.from({ length: seq }, (_, index) => index + 1))
    expect(ends).toHaveLength(4)
  }
  for (const reader of readers) reader.stop()
})

test('a message that arrives in the moment of a move is carried out once, wherever it was sent', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  const first = await fullNode(lab, 160, { logger })
  const second = await lab.add('b', { sessions: longLived })
  for (let round = 0; round < 24; round++) {
    const key = nameOf(round)
    // It worked last, so it is moved.
    await lab.within(1_000, first.claw.session(key).send('before').result())
    await lab.pass(6_000)
    const sent: Promise<unknown>[] = []
    const send = (): void => {
      for (const { claw, id } of [first, second])
        sent.push(
          claw
            .session(key)
            .send(`from ${id}`, { idempotencyKey: `${id}-${round}` })
            .result(),
        )
    }
    let messages = 0
    // The offer, its reply, the call that starts the session there, and its reply; and some turns after each.
    lab.network.faults = () => {
      if (messages++ !== round % 4) return undefined
      let later = Promise.resolve()
      for (let turns = 0; turns < 5 * Math.floor(round / 4); turns++) later = later.then(() => {})
      void later.then(send)
      return undefined
    }
    const before = rounds.length
    while (rounds.length === before) await lab.pass(1_000)
    lab.network.faults = undefined
    expect(sent).toHaveLength(2)
    await lab.within(3_000, Promise.all(sent))
    const history = await lab.within(2_000, second.claw.session(key).history())
    const asked = history.messages.flatMap(({ message }) => (message.role === 'user' ? [message.content] : []))
    expect([asked.slice(0, 2), asked.slice(2).sort(), history.runs]).toEqual([['hello', 'before'], ['from a', 'from b'], []])
    await lab.pass(1_000)
  }
})

test('a session that has work stays where it is', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  const held = Promise.withResolvers<void>()
  const first = await lab.add('a', {
    sessions: longLived,
    logger,
    answers: () => held.promise.then(() => textAnswer('at last')),
  })
  const results = Array.from({ length: 50 }, (_, number) => first.claw.session(nameOf(number)).send('hello').result())
  await lab.within(1_000, first.claw.session(nameOf(50)).configure({ label: 'at rest' }))
  const second = await lab.add('b', { sessions: longLived })
  await lab.pass(3 * minute)
  // All but the one at rest.
  expect([rounds, await lab.within(2_000, ownedBy(second, 51))]).toEqual([[1], [50]])
  held.resolve()
  await lab.within(2_000, Promise.all(results))
})

test('nothing is moved while a node drains, in the minute after one has left, or in the first minute of a life', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  const first = await fullNode(lab, 100, { logger })
  await lab.add('b', { sessions: longLived })
  const third = await lab.add('c', { sessions: longLived })
  // From now on the loads ask for a move.
  void third.claw.drain({ stepMs: 1_000 })
  await lab.pass(3 * minute)
  expect(rounds).toEqual([])
  await lab.within(5_000, third.claw.stop())
  await lab.pass(minute)
  expect(rounds).toEqual([])
  await lab.pass(minute)
  expect(rounds).toEqual([2])
  // Cut off and back, it has nothing; it fills up again, as a new life.
  lab.network.isolate('a')
  await lab.pass(20_000)
  lab.network.heal('a')
  await lab.pass(2_000)
  const again = Array.from({ length: 100 }, (_, number) => first.claw.session(`agent:main:again-${number}`).send('hello').result())
  await lab.within(3_000, Promise.all(again))
  const since = lab.clock.monotonic()
  rounds.splice(0)
  while (rounds.length === 0 && lab.clock.monotonic() - since < 5 * minute) await lab.pass(1_000)
  expect(lab.clock.monotonic() - since).toBeGreaterThanOrEqual(minute - 3_000)
})

test('a node that lacks the agent, or whose settings say so, is given nothing; one that has it is', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  await fullNode(lab, 100, { logger })
  const second = await lab.add('b', { sessions: longLived, agents: ['other'] })
  await lab.pass(3 * minute)
  await lab.within(3_000, second.claw.stop())
  await lab.add('c', { sessions: { ...longLived, rebalance: false } })
  await lab.pass(3 * minute)
  expect(rounds).toEqual([])
})

test('a node whose settings say so gives nothing, and one that is alone sends nothing', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  let messages = 0
  lab.network.faults = () => {
    messages++
    return undefined
  }
  const first = await fullNode(lab, 100, { logger, sessions: { ...longLived, rebalance: false } })
  await lab.pass(3 * minute)
  expect(messages).toBe(0)
  await lab.add('b', { sessions: longLived })
  await lab.pass(3 * minute)
  expect([rounds, first.claw.isRunning]).toEqual([[], true])
})

test('a session whose new node dies in that moment is answered by the other one', async () => {
  await using lab = new ClockedNodes()
  const { rounds, logger } = moves()
  const first = await fullNode(lab, 50, { logger })
  const second = await lab.add('b', { sessions: longLived })
  let messages = 0
  lab.network.faults = () => {
    // The call that starts the session there is lost with its node.
    if (messages++ !== 2) return undefined
    lab.kill(second)
    return { type: 'lose' }
  }
  while (messages < 3) await lab.pass(1_000)
  lab.network.faults = undefined
  const answers = Array.from({ length: 50 }, (_, number) => first.claw.session(nameOf(number)).send('there?').result())
  await lab.within(15_000, Promise.all(answers))
  await flushEventLoop()
  expect(rounds.length).toBeLessThanOrEqual(1)
})
