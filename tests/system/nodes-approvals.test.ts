import { BeamClawError, defineTool, parseTenantId, type Store, type Tool } from '@beamclaw/core'
import { faultyStore, type StoreFault, textAnswer, toolAnswer } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { type ClockedNode, ClockedNodes } from './lab/clocked-nodes.ts'

const folder = [parseTenantId('default'), 'approvals'] as const

/** Calls `deploy` for each message, and then says that it is done. */
const deploys: NonNullable<Parameters<ClockedNodes['add']>[1]>['answers'] = ({ messages }) =>
  messages.at(-1)?.role === 'user' ? toolAnswer('deploy', {}) : textAnswer('done')

/** Two nodes, and a session at the first one whose tool asks. */
async function scene(fault: (types: readonly string[], method: string, kind: string | undefined) => StoreFault | undefined) {
  const lab = new ClockedNodes()
  const ran: string[] = []
  const deploy: Tool = defineTool({
    name: 'deploy',
    description: 'Deploys',
    askMode: 'always',
    execute: (_, { sessionKey }) => {
      ran.push(sessionKey)
      return 'deployed'
    },
  })
  const store: Store = faultyStore(lab.store, ({ method, key, records = [] }) =>
    fault(
      records.map(({ type }) => type),
      method,
      key[1],
    ),
  )
  const owner = await lab.add('a', { answers: deploys, tools: [deploy], store })
  const other = await lab.add('b', { answers: deploys, tools: [deploy] })
  return { lab, owner, other, ran, key: await lab.sessionAt(owner) }
}

async function idsAt({ claw }: ClockedNode, lab: ClockedNodes, sessionKey?: string): Promise<readonly string[]> {
  const asked = await lab.within(200, claw.approvals.list(sessionKey === undefined ? {} : { sessionKey }))
  return asked.map(({ id }) => id)
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await Promise.resolve()
}

test('a call that another node approves in the moment in which its request is durable runs once, and its result counts', async () => {
  let asked = Promise.withResolvers<void>()
  let after = 0
  const { lab, owner, other, ran } = await scene((types) => {
    if (types.includes('approval-request')) return { type: 'delay', before: asked.promise }
    return types.includes('approval-decision') ? { type: 'delay', before: asked.promise.then(() => ticks(after)) } : undefined
  })
  await using _ = lab
  const keys: string[] = []
  for (; after < 60; after++) {
    asked = Promise.withResolvers()
    const key = await lab.sessionAt(owner, (one) => !keys.includes(one))
    keys.push(key)
    await lab.within(200, owner.claw.session(key).send('go').accepted)
    const [id = ''] = await idsAt(other, lab, key)
    const approved = other.claw.approvals.approve(id)
    await lab.pass(200)
    asked.resolve()
    await lab.within(400, approved)
    const { messages } = await lab.within(400, other.claw.session(key).history())
    expect(JSON.stringify(messages.map(({ message }) => message.content))).toContain('"content":"deployed"')
    await lab.pass(200)
    expect([await idsAt(owner, lab), await idsAt(other, lab)], `decided ${after} ticks after it was durable`).toEqual([[], []])
  }
  expect(ran).toEqual(keys)
})

test('a request that another node finds and approves before its own node can record it is recorded first, and approved', async () => {
  const stored = Promise.withResolvers<void>()
  const { lab, owner, other, key, ran } = await scene((_, method, kind) =>
    method === 'put' && kind === 'approvals' ? { type: 'delay', after: stored.promise } : undefined,
  )
  await using _ = lab
  await lab.within(200, owner.claw.session(key).send('go').accepted)
  expect(await idsAt(owner, lab)).toEqual([])
  const [id = ''] = await idsAt(other, lab)
  const approved = other.claw.approvals.approve(id)
  await lab.pass(1_000)
  expect(ran).toEqual([])
  stored.resolve()
  await lab.within(400, approved)
  await lab.pass(200)
  expect(ran).toEqual([key])
  expect([await idsAt(owner, lab), await idsAt(other, lab)]).toEqual([[], []])
})

test('a decision that comes long before the record of its request is to be sent again, and the request stays', async () => {
  const stored = Promise.withResolvers<void>()
  const { lab, owner, other, key, ran } = await scene((_, method, kind) =>
    method === 'put' && kind === 'approvals' ? { type: 'delay', after: stored.promise } : undefined,
  )
  await using _ = lab
  await lab.within(200, owner.claw.session(key).send('go').accepted)
  const [id = ''] = await idsAt(other, lab)
  const early = other.claw.approvals.approve(id)
  early.catch(() => {})
  await lab.pass(3_000)
  await expect(early).rejects.toMatchObject({ code: 'session-busy' })
  stored.resolve()
  await lab.pass(200)
  expect([await idsAt(owner, lab), await idsAt(other, lab)]).toEqual([[id], [id]])
  await lab.within(400, other.claw.approvals.approve(id))
  await lab.pass(200)
  expect(ran).toEqual([key])
})

test('a request whose run is ended before it is recorded is found by nobody afterwards, and its answer is told so', async () => {
  const stored = Promise.withResolvers<void>()
  const { lab, owner, other, key, ran } = await scene((_, method, kind) =>
    method === 'put' && kind === 'approvals' ? { type: 'delay', after: stored.promise } : undefined,
  )
  await using _ = lab
  const run = owner.claw.session(key).send('go')
  run.result().catch(() => {})
  await lab.within(200, run.accepted)
  const [id = ''] = await idsAt(other, lab)
  const answer = other.claw.approvals.approve(id)
  answer.catch(() => {})
  await lab.within(400, owner.claw.session(key).abort())
  stored.resolve()
  await lab.pass(2_500)
  await expect(answer).rejects.toMatchObject({ code: 'already-resolved' })
  expect([await idsAt(owner, lab), await idsAt(other, lab), ran]).toEqual([[], [], []])
  expect(await lab.store.list(folder)).toEqual([])
})

test('a request that could not be stored at first is found at the other nodes soon', async () => {
  let failures = 2
  const { lab, owner, other, key } = await scene((_, method, kind) =>
    method === 'put' && kind === 'approvals' && failures-- > 0 ? { type: 'fail-before' } : undefined,
  )
  await using _ = lab
  await lab.within(200, owner.claw.session(key).send('go').accepted)
  await lab.pass(5_000)
  expect(await idsAt(other, lab)).toHaveLength(1)
  await lab.pass(6_000)
  const status = await lab.within(3_000, other.claw.cluster.status())
  expect(status.map(({ activity }) => activity?.busySessions)).toEqual([0, 0])
})

test('a decision that could not be written leaves the request where it is found, also for who came second', async () => {
  const written = Promise.withResolvers<void>()
  written.promise.catch(() => {})
  const { lab, owner, other, key, ran } = await scene((types) =>
    types.includes('approval-decision') ? { type: 'delay', before: written.promise } : undefined,
  )
  await using _ = lab
  await lab.within(200, owner.claw.session(key).send('go').accepted)
  const [id = ''] = await idsAt(other, lab)
  const answers = Promise.allSettled([other.claw.approvals.approve(id), other.claw.approvals.deny(id)])
  await lab.pass(1_000)
  written.reject(new BeamClawError('store-io', 'the disk is away'))
  await lab.within(5_000, answers)
  expect(await lab.store.list(folder)).toHaveLength(1)
  expect(ran).toEqual([])
})

test('a session that a message frees from waiting is found by its request until it is listed as busy', async () => {
  const listed = Promise.withResolvers<void>()
  let isHeld = false
  const { lab, owner, key } = await scene((_, method, kind) =>
    isHeld && method === 'append' && kind === 'work' ? { type: 'delay', before: listed.promise } : undefined,
  )
  await using _ = lab
  await lab.within(200, owner.claw.session(key).send('go').accepted)
  // Its entry in the list of busy sessions is gone.
  await lab.pass(8_000)
  isHeld = true
  owner.claw
    .session(key)
    .send('stop', { queueMode: 'interrupt' })
    .accepted.catch(() => {})
  await lab.pass(1_000)
  expect(await lab.store.list(folder)).toHaveLength(1)
  listed.resolve()
  await lab.pass(1_000)
  const ids = (await lab.store.list(folder)).length
  expect(ids).toBe(1)
})
