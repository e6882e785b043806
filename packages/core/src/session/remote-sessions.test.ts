import { SystemClock } from '@beamclaw/actor'
import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { parseNodeId, parseSessionKey, parseTenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import { RemoteSessions, type SessionCall } from './remote-sessions.ts'
import type { SessionMessage } from './session.ts'

const key = parseSessionKey('agent:main:a')
const sessions = (): RemoteSessions =>
  new RemoteSessions({ tenant: parseTenantId('default'), cluster: new SoloCluster(), clock: new SystemClock(), passivateAfterMs: 1_000 })
const isAgain = (message: object, code: 'call-timeout' | 'node-gone' | 'moved' | 'fenced', details: object = {}): boolean => {
  const call: SessionCall = { message: message as SessionMessage, lane: 'control', entry: 'find' }
  return sessions().isAgain(key, call, new BeamClawError(code, 'a failure', { details: { ...details } }))
}

test.each(['configure', 'rewind', 'record', 'import', 'decide', 'abort', 'answering-of-later'])(
  'where it is not known whether it was carried out, "%s" is not sent again',
  (type) => {
    expect(isAgain({ type }, 'call-timeout')).toBe(false)
    expect(isAgain({ type }, 'node-gone')).toBe(false)
    // Here it is certain that it was not.
    expect(isAgain({ type }, 'node-gone', { isUndelivered: true })).toBe(true)
    expect(isAgain({ type }, 'moved')).toBe(true)
    expect(isAgain({ type }, 'fenced')).toBe(true)
  },
)

test.each([{ type: 'send' }, { type: 'redrive' }, { type: 'history' }, { type: 'delete' }, { type: 'abort', runId: 'named' }])(
  'what its run id tells from new work, or changes nothing, is sent again: %j',
  (message) => {
    expect(isAgain(message, 'call-timeout')).toBe(true)
    expect(isAgain(message, 'node-gone')).toBe(true)
  },
)

test('what is known of a place counts no longer than its node is a member', async () => {
  const [self, other, third] = ['self', 'other', 'third'].map((id) => ({ id: parseNodeId(id), incarnation: `${id}-1` }))
  const members = [self, other, third]
  const asked: string[] = []
  const cluster = {
    self,
    members,
    locate: async (lease: string) => {
      asked.push(lease)
      return { node: members[1], isOwner: true }
    },
  } as unknown as Cluster
  const places = new RemoteSessions({ tenant: parseTenantId('default'), cluster, clock: new SystemClock(), passivateAfterMs: 60_000 })
  expect([await places.placeOf(key), await places.placeOf(key), asked.length]).toEqual([other, other, 1])
  members.splice(1, 1)
  expect([await places.placeOf(key), asked.length]).toEqual([third, 2])
})

test('a place counts from the moment at which it was asked: the session may have left memory since it replied', async () => {
  const [self, other] = ['self', 'other'].map((id) => ({ id: parseNodeId(id), incarnation: `${id}-1` })) as [NodeRef, NodeRef]
  const clock = new ManualClock()
  const reply = Promise.withResolvers<JsonValue>()
  let looks = 0
  const cluster = {
    self,
    members: [self, other],
    locate: async () => {
      looks++
      return { node: other, isOwner: true }
    },
    request: () => reply.promise,
  } as unknown as Cluster
  const places = new RemoteSessions({ tenant: parseTenantId('default'), cluster, clock, passivateAfterMs: 60_000 })
  const asked = places.ask(other, key, { message: { type: 'answering' }, lane: 'control', entry: 'find' }, 50_000)
  await clock.advance(20_000)
  reply.resolve({ value: 'late' })
  expect(await asked).toBe('late')
  await clock.advance(9_999)
  expect([await places.placeOf(key), looks]).toEqual([other, 0])
  await clock.advance(1)
  expect([await places.placeOf(key), looks]).toEqual([other, 1])
})

test.each([
  [
    'has another owner by now',
    new BeamClawError('fenced', 'not this one', { details: { owner: { id: 'third', incarnation: 'third-1' } } }),
    'third-1',
  ],
  ['cannot be claimed during an outage', new BeamClawError('store-io', 'away'), undefined],
])('a journal that only a newer node reads, and that %s, is looked for again', async (_, refusal, owner) => {
  const [self, reader] = ['self', 'reader'].map((id, index) => ({
    id,
    incarnation: `${id}-1`,
    state: 'up',
    load: 0,
    records: [1, 1 + index],
  }))
  const members = [self, reader]
  const cluster = { self, members, acquire: () => Promise.reject(refusal) } as unknown as Cluster
  const places = new RemoteSessions({ tenant: parseTenantId('default'), cluster, clock: new SystemClock(), passivateAfterMs: 60_000 })
  const problem = new BeamClawError('log-too-new', 'format 2')
  const failure = await places.handToReader(key, problem, 2)
  expect(failure).toMatchObject({ code: 'moved', cause: problem })
  expect((failure as BeamClawError).details.owner).toEqual(owner === undefined ? undefined : { id: 'third', incarnation: owner })
  members.pop()
  expect(await places.handToReader(key, problem, 2)).toBe(problem)
})
