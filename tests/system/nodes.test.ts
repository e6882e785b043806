import { defineTool } from '@beamclaw/core'
import { textAnswer, toolAnswer } from '@beamclaw/testkit'
import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { type LabNode, Nodes } from './lab/nodes.ts'

const key = 'agent:main:chat'

const patiently = { timeout: 15_000, interval: 10 }

/** The texts of a conversation, as one node reads it. */
async function textsAt({ claw }: LabNode, session = key): Promise<readonly string[]> {
  const { messages } = await claw.session(session).history()
  return messages.map(({ message }) =>
    typeof message.content === 'string' ? message.content : (message.content[0] as { text: string }).text,
  )
}

test('a message may enter anywhere: the same one at three nodes at once is one run, with three equal receipts', async () => {
  await using lab = await Nodes.start()
  for (let round = 0; round < 30; round++) {
    const session = `agent:main:round-${round}`
    const send = ({ claw }: LabNode) => claw.session(session).send('hello', { idempotencyKey: 'one' }).accepted
    const receipts = await Promise.all(lab.nodes.map(send))
    expect(new Set(receipts.map(({ seq }) => seq)).size).toBe(1)
    expect(receipts.filter(({ status }) => status === 'accepted')).toHaveLength(1)
    for (const node of lab.nodes)
      await vi.waitFor(async () => expect(await textsAt(node, session)).toEqual(['hello', 'heard hello']), patiently)
  }
})

test('kill -9 of the owner: another node goes on with what it had accepted, and each run ends once', async () => {
  let isHeld = true
  const answers = ({ messages }: { readonly messages: readonly { readonly content: unknown }[] }) =>
    isHeld ? new Promise<never>(() => {}) : textAnswer(`heard ${String(messages.at(-1)?.content)}`)
  await using lab = await Nodes.start({ answers })
  const [first] = lab.nodes as [LabNode]
  const sessions = Array.from({ length: 12 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions)
    for (const text of ['one', 'two']) await first.claw.session(session).send(text, { idempotencyKey: text }).accepted
  const owners = await Promise.all(sessions.map(async (session) => (await first.cluster.locate(`default:${session}`)).node.id))
  expect(new Set(owners).size).toBeGreaterThan(1)
  const victim = lab.nodes.find(({ id }) => id === owners[0]) as LabNode
  lab.kill(victim)
  isHeld = false
  const rest = lab.nodes.filter((node) => node !== victim)
  for (const node of rest)
    for (const [index, session] of sessions.entries()) {
      // The others hold their model as before.
      if (owners[index] !== victim.id) continue
      await vi.waitFor(async () => expect(await textsAt(node, session)).toEqual(['one', 'heard one', 'two', 'heard two']), patiently)
    }
})

test('a drain hands the conversations over, and nobody waits for it', async () => {
  await using lab = await Nodes.start()
  const [first, ...rest] = lab.nodes as [LabNode, LabNode, LabNode]
  const sessions = Array.from({ length: 12 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions) await first.claw.session(session).send('before', { idempotencyKey: 'before' }).accepted
  const drained = first.claw.drain()
  const receipts = await Promise.all(
    sessions.map((session) => first.claw.session(session).send('after', { idempotencyKey: 'after' }).accepted),
  )
  expect(receipts.every(({ status }) => status === 'accepted')).toBe(true)
  await drained
  for (const node of [first, ...rest])
    for (const session of sessions)
      await vi.waitFor(
        async () => expect(await textsAt(node, session)).toEqual(['before', 'heard before', 'after', 'heard after']),
        patiently,
      )
  for (const session of sessions) expect((await rest[0].cluster.locate(`default:${session}`)).node.id).not.toBe(first.id)
  await first.claw.stop()
  await vi.waitFor(() => expect(rest[0].claw.cluster.nodes.map(({ id }) => id).toSorted()).toEqual(['node-1', 'node-2']), patiently)
})

test('a node that is cut off does nothing, and is back as another life', async () => {
  await using lab = await Nodes.start()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const sessions = Array.from({ length: 6 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions) await first.claw.session(session).send('one', { idempotencyKey: 'one' }).accepted
  const before = first.cluster.self.incarnation
  lab.network.isolate('node-0')
  await vi.waitFor(async () => {
    await expect(first.claw.session(key).send('lost').accepted).rejects.toMatchObject({ code: 'node-isolated' })
  }, patiently)
  for (const session of sessions)
    expect((await second.claw.session(session).send('two', { idempotencyKey: 'two' }).accepted).status).toBe('accepted')
  lab.network.heal()
  await vi.waitFor(
    async () => expect((await first.claw.session(key).send('here', { idempotencyKey: 'here' }).accepted).seq).toBeGreaterThan(0),
    patiently,
  )
  expect(first.cluster.self.incarnation).not.toBe(before)
  expect(first.claw.isRunning).toBe(true)
  for (const session of sessions)
    await vi.waitFor(async () => expect(await textsAt(first, session)).toEqual(['one', 'heard one', 'two', 'heard two']), patiently)
})

test('each node tells what all of them do, and can have another one emptied', async () => {
  await using lab = await Nodes.start()
  const [first, , third] = lab.nodes as [LabNode, LabNode, LabNode]
  third.claw.cluster.report(() => ({ machine: 'three' }))
  for (let index = 0; index < 12; index++) await first.claw.session(`agent:main:chat-${index}`).send('hello').accepted
  const status = await first.claw.cluster.status()
  expect(status.map(({ id, isSelf, state }) => [id, isSelf, state])).toEqual([
    ['node-0', true, 'up'],
    ['node-1', false, 'up'],
    ['node-2', false, 'up'],
  ])
  expect(status.reduce((sum, { activity }) => sum + (activity?.sessions ?? 0), 0)).toBe(12)
  expect(status[2]?.activity?.report).toEqual({ machine: 'three' })
  await first.claw.cluster.drain('node-2')
  await vi.waitFor(async () => {
    const [one, two, three] = await first.claw.cluster.status()
    expect([three?.state, three?.activity?.sessions, three?.activity?.phase]).toEqual(['draining', 0, 'draining'])
    expect([one?.state, two?.state]).toEqual(['up', 'up'])
  }, patiently)
  await expect(first.claw.cluster.drain('node-9')).rejects.toMatchObject({ code: 'unknown-node' })
})

test('the last node that takes work is drained by force alone, whatever the list of members says', async () => {
  await using lab = await Nodes.start()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  await first.claw.cluster.drain('node-1')
  await second.claw.cluster.drain('node-2')
  // At once: the others may still see both as they were.
  for (const { claw } of lab.nodes) await expect(claw.cluster.drain('node-0')).rejects.toMatchObject({ code: 'last-node' })
  expect((await first.claw.session(key).send('hello').result()).text).toBe('heard hello')
  // One that is drained already may be told so again.
  await first.claw.cluster.drain('node-1')
  await second.claw.cluster.drain('node-0', { force: true })
  expect(first.claw.cluster.phase).toBe('draining')
})

test('drains of all nodes at the same moment leave one that takes work', async () => {
  await using lab = await Nodes.start()
  const asked = lab.nodes.map(({ claw }, index) => claw.cluster.drain(`node-${(index + 1) % 3}`))
  const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected')
  expect(refused).not.toEqual([])
  for (const { reason } of refused as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: 'last-node' })
  expect(lab.nodes.map(({ claw }) => claw.cluster.phase)).toContain('running')
  expect((await lab.nodes[0]?.claw.session(key).send('hello').result())?.text).toBe('heard hello')
})

test('a node that cannot be asked what it does is listed without it, and with why', async () => {
  await using lab = await Nodes.start({ count: 2 })
  const [first] = lab.nodes as [LabNode]
  lab.network.cut('node-0', 'node-1')
  const [, other] = await first.claw.cluster.status()
  expect(other).toMatchObject({ id: 'node-1', problem: 'no answer within 2000 ms' })
  expect(other?.activity).toBeUndefined()
})

test('a list of sessions is the same at each node, also while their first run is under way', async () => {
  await using lab = await Nodes.start({ answers: () => new Promise<never>(() => {}) })
  const [first] = lab.nodes as [LabNode]
  const sessions = Array.from({ length: 9 }, (_, index) => `agent:main:chat-${index}`)
  for (const session of sessions) await first.claw.session(session).send('hello').accepted
  for (const { claw } of lab.nodes) expect((await claw.sessions()).map(({ sessionKey }) => sessionKey)).toEqual(sessions)
})

test('what one node allows counts at the others, until another takes it back', async () => {
  await using lab = await Nodes.start()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const { id } = await first.claw.approvals.grant({ scope: 'tenant', subject: 'exec:/bin/ls', args: ['**'] })
  for (const { claw } of lab.nodes) expect(claw.approvals.grants().map((grant) => grant.id)).toEqual([id])
  await second.claw.approvals.revoke(id)
  for (const { claw } of lab.nodes) expect(claw.approvals.grants()).toEqual([])
})

test('whoever follows a conversation at another node hears all of it, in order and once, over a drain and a kill of its owner', async () => {
  await using lab = await Nodes.start()
  const [first, second, third] = lab.nodes as [LabNode, LabNode, LabNode]
  await first.claw.session(key).send('start').result()
  const owner = async (): Promise<LabNode> => {
    const { node } = await first.cluster.locate(`default:${key}`)
    return lab.nodes.find(({ id }) => id === node.id) as LabNode
  }
  const heard = new Map<LabNode, number[]>(lab.nodes.map((node) => [node, []]))
  const ended = new AbortController()
  const follow = async (node: LabNode): Promise<void> => {
    for await (const event of node.claw.session(key).subscribe(1, { signal: ended.signal }))
      if ('seq' in event) heard.get(node)?.push(event.seq)
  }
  const following = [first, second, third].map((node) => follow(node).catch(() => {}))
  const say = async (text: string): Promise<void> => {
    const alive = lab.nodes.filter(({ claw }) => claw.isRunning)
    for (const [index, { claw }] of alive.entries())
      expect((await claw.session(key).send(`${text} ${index}`).result()).text).toBe(`heard ${text} ${index}`)
  }
  await say('one')
  const emptied = await owner()
  await emptied.claw.drain({ stepMs: 1_000 })
  expect(await owner()).not.toBe(emptied)
  await say('two')
  const killed = await owner()
  lab.kill(killed)
  await say('three')
  const rest = lab.nodes.filter((node) => node !== killed)
  const last = (await (rest[0] as LabNode).claw.session(key).history()).seq
  for (const node of rest)
    await vi.waitFor(() => expect(heard.get(node)).toEqual(Array.from({ length: last }, (_, index) => index + 1)), patiently)
  ended.abort()
  await Promise.all(following)
})

test('a message whose way to its session, or whose reply, is lost between nodes is sent again long before its sender gives up', async () => {
  await using lab = await Nodes.start()
  const [first] = lab.nodes as [LabNode]
  const isElsewhere = async (session: string): Promise<boolean> => (await first.cluster.locate(`default:${session}`)).node.id !== first.id
  for (const lost of ['request', 'reply'] as const) {
    let session = ''
    for (let index = 0; session === ''; index++) {
      const candidate = `agent:main:${lost}-${index}`
      await first.claw.session(candidate).send('begin').result()
      if (await isElsewhere(candidate)) session = candidate
    }
    let losses = 0
    lab.network.faults = ({ kind, from, to }) => {
      const isOurs = (kind === 'request' ? from.id : to.id) === first.id
      return kind === lost && isOurs && losses++ < 3 ? { type: 'lose' } : undefined
    }
    expect((await first.claw.session(session).send('again', { idempotencyKey: 'again' }).result()).text).toBe('heard again')
    expect(losses).toBeGreaterThan(0)
    lab.network.faults = undefined
    expect(await textsAt(first, session)).toEqual(['begin', 'heard begin', 'again', 'heard again'])
  }
})

test('an abort whose reply is lost is sent again, and ends no run but the one that ran when it was asked for', async () => {
  const tools: PromiseWithResolvers<void>[] = []
  const wait = defineTool({
    name: 'wait',
    description: 'Waits',
    execute: async (_input, { signal }) => {
      const { promise, ...rest } = Promise.withResolvers<void>()
      tools.push({ promise, ...rest })
      signal.addEventListener('abort', () => rest.resolve(), { once: true })
      await promise
      return 'waited'
    },
  })
  await using lab = await Nodes.start({
    tools: () => [wait],
    answers: ({ messages }) => (messages.at(-1)?.role === 'tool' ? textAnswer('done') : toolAnswer('wait', {})),
  })
  const [first] = lab.nodes as [LabNode]
  let session = ''
  for (let index = 0; session === ''; index++) {
    const candidate = `agent:main:aborted-${index}`
    if ((await first.cluster.locate(`default:${candidate}`)).node.id !== first.id) session = candidate
  }
  const handle = first.claw.session(session)
  const doomed = handle.send('one', { idempotencyKey: 'one' })
  const spared = handle.send('two', { idempotencyKey: 'two' })
  await Promise.all([doomed.accepted, spared.accepted])
  await vi.waitFor(() => expect(tools).toHaveLength(1), patiently)
  let replies = 0
  // The first reply says which run it is.
  lab.network.faults = ({ kind, to }) => (kind === 'reply' && to.id === first.id && ++replies > 1 ? { type: 'lose' } : undefined)
  const aborting = handle.abort()
  await vi.waitFor(() => expect(tools).toHaveLength(2), patiently)
  await vi.waitFor(() => expect(replies).toBeGreaterThan(1), patiently)
  lab.network.faults = undefined
  // Another node's death would have it sent again, as a deadline would.
  await aborting
  tools[1]?.resolve()
  expect((await spared.result()).text).toBe('done')
  await expect(doomed.result()).rejects.toMatchObject({ code: 'run-aborted' })
})

test('a person hears of a request for approval at whichever node, and of its decision', async () => {
  const pay = defineTool({ name: 'pay', description: 'Pays', input: z.object({}), risk: 'high', execute: () => 'paid' })
  await using lab = await Nodes.start({
    tools: () => [pay],
    answers: ({ messages }) => (messages.at(-1)?.role === 'tool' ? textAnswer('done') : toolAnswer('pay', {})),
  })
  const heard = new Map<LabNode, string[]>(lab.nodes.map((node) => [node, []]))
  for (const node of lab.nodes)
    for (const type of ['approval-request', 'approval-decision'] as const)
      node.claw.on(type, () => heard.get(node)?.push(type), { nodes: 'all' })
  const own: string[] = []
  for (const { claw, id } of lab.nodes) claw.on('approval-request', () => own.push(id))
  const [first, second] = lab.nodes as [LabNode, LabNode]
  const run = first.claw.session(key).send('pay')
  await vi.waitFor(async () => expect(await second.claw.approvals.list()).toHaveLength(1), patiently)
  const [request] = await second.claw.approvals.list()
  await second.claw.approvals.approve(request?.id ?? '')
  expect((await run.result()).text).toBe('done')
  for (const node of lab.nodes)
    await vi.waitFor(() => expect(heard.get(node)).toEqual(['approval-request', 'approval-decision']), patiently)
  expect(own).toHaveLength(1)
  for (const { claw } of lab.nodes)
    await expect(claw.approvals.approve(request?.id ?? '')).rejects.toMatchObject({
      code: 'already-resolved',
      details: { decision: 'approved' },
    })
})

test('an agent that only one node has yet: its sessions are there, whichever node is asked, and other agents are unknown', async () => {
  await using lab = await Nodes.start({ count: 4, agents: (id) => (id === 'node-3' ? ['extra'] : []) })
  for (let index = 0; index < 8; index++) {
    const session = `agent:extra:new-${index}`
    for (const node of [lab.nodes[index % 4], lab.nodes[(index + 1) % 4]] as LabNode[]) {
      expect((await node.claw.session(session).send('hi').result()).text).toBe('heard hi')
      await vi.waitFor(async () => expect(await textsAt(node, session)).toContain('heard hi'), patiently)
    }
  }
  const [first] = lab.nodes as [LabNode]
  await expect(first.claw.session('agent:none:x').send('hi').accepted).rejects.toMatchObject({ code: 'unknown-agent' })
})

test('work of an agent that only some nodes have goes on at one of them when its node dies', async () => {
  const held = Promise.withResolvers<void>()
  await using lab = await Nodes.start({
    count: 4,
    agents: (id) => (id === 'node-2' || id === 'node-3' ? ['extra'] : []),
    answers: async ({ messages }) => {
      await held.promise
      return textAnswer(`heard ${String(messages.at(-1)?.content)}`)
    },
  })
  const sessions = Array.from({ length: 6 }, (_, index) => `agent:extra:held-${index}`)
  const last = lab.nodes[3] as LabNode
  for (const session of sessions) await last.claw.session(session).send('hi', { idempotencyKey: 'one' }).accepted
  lab.kill(lab.nodes.splice(3, 1)[0] as LabNode)
  held.resolve()
  const [first] = lab.nodes as [LabNode]
  for (const session of sessions) await vi.waitFor(async () => expect(await textsAt(first, session)).toEqual(['hi', 'heard hi']), patiently)
})

test('a session is deleted at whichever node, also one that does not exist', async () => {
  await using lab = await Nodes.start()
  for (const { claw } of lab.nodes) await claw.session('agent:main:none').delete()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  await first.claw.session(key).send('hello').result()
  await second.claw.session(key).delete()
  for (const { claw } of lab.nodes) expect(await claw.session(key).exists()).toBe(false)
})

test('who follows a conversation at a node that is cut off is not sent away, and hears afterwards what was missed', async () => {
  await using lab = await Nodes.start()
  const [first, second] = lab.nodes as [LabNode, LabNode]
  await first.claw.session(key).send('one').result()
  const heard: number[] = []
  const over = new AbortController()
  const following = (async () => {
    for await (const event of first.claw.session(key).subscribe(1, { signal: over.signal })) if ('seq' in event) heard.push(event.seq)
  })()
  lab.network.isolate('node-0')
  await vi.waitFor(() => expect(first.claw.cluster.phase).toBe('isolated'), patiently)
  await second.claw.session(key).send('two').result()
  // The next look into the journal falls into the outage.
  lab.network.heal()
  await vi.waitFor(() => expect(first.claw.cluster.phase).toBe('running'), patiently)
  const { seq } = await second.claw.session(key).history()
  await vi.waitFor(() => expect(heard).toEqual(Array.from({ length: seq }, (_, index) => index + 1)), patiently)
  over.abort()
  await following
})
