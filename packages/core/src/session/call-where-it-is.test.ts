import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import type { ErrorCode } from '../base/error-codes.ts'
import { BeamClawError } from '../base/errors.ts'
import { type NodeId, parseSessionKey, parseTenantId } from '../base/ids.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import { callWhereItIs, type SessionsHere } from './call-where-it-is.ts'
import { RemoteSessions, type SessionCall } from './remote-sessions.ts'

const key = parseSessionKey('agent:main:chat')
const tenant = parseTenantId('default')
const node = (id: string): NodeRef => ({ id: id as NodeId, incarnation: `${id}-1` })
const [self, first, second] = [node('self'), node('first'), node('second')]

/** What a node replies to a call: a value, or a failure. */
type Reply = 'done' | { readonly code: ErrorCode; readonly owner?: NodeRef }

const failure = ({ code, owner }: Exclude<Reply, 'done'>): BeamClawError =>
  new BeamClawError(code, 'a failure', { details: owner === undefined ? {} : { owner: { ...owner } } })

/** A session that is at `place`; the nodes reply to one call after the other. */
function scene(place: NodeRef, replies: readonly Reply[]) {
  const clock = new ManualClock()
  const asked: (readonly [node: string, timeoutMs: number])[] = []
  const taken: string[] = []
  const rest = [...replies]
  const answer = async (at: string, timeoutMs: number): Promise<unknown> => {
    asked.push([at, timeoutMs])
    const reply = rest.shift() ?? 'done'
    if (reply !== 'done') throw failure(reply)
    return { value: 'done' }
  }
  const cluster = {
    self,
    members: [self, first, second].map((ref) => ({ ...ref, state: 'up', load: 0, wire: [1, 1], records: [1, 1] })),
    locate: async () => ({ node: place, isOwner: true }),
    request: ({ id }: NodeRef, _: unknown, { timeoutMs }: { readonly timeoutMs: number }) => answer(id, timeoutMs),
  } as unknown as Cluster
  let isHere = place === self
  const here: SessionsHere = {
    checkRuns() {},
    hasAgent: () => true,
    has: () => isHere,
    checkIsForHere() {},
    call: async <T>() => ((await answer('self', 0)) as { readonly value: T }).value,
    taken: (session) => {
      isHere = false
      taken.push(session)
    },
  }
  const remote = new RemoteSessions({ tenant, cluster, clock, passivateAfterMs: 60_000 })
  const services = { clock, random: { next: () => 0.5 } }
  const call: SessionCall = { message: { type: 'answering' }, lane: 'control', entry: 'find' }
  const outcome = callWhereItIs<unknown>(key, call, { tenant, cluster, services, places: undefined, remote, here })
  return { clock, asked, taken, outcome }
}

test('a prompt call whose reply does not come is made again, each time with twice the patience', async () => {
  const late = { code: 'call-timeout' } as const
  const { clock, asked, outcome } = scene(first, [late, late, late])
  await clock.advance(1_000)
  expect(await outcome).toBe('done')
  expect(asked.map(([, timeoutMs]) => timeoutMs).slice(0, 2)).toEqual([2_000, 4_000])
  expect(asked.map(([at]) => at)).toEqual(['first', 'first', 'first', 'first'])
  expect(asked[3]?.[1]).toBe(16_000)
})

test('a session here that another node has taken over is forgotten, and followed there at once', async () => {
  const { asked, taken, outcome } = scene(self, [{ code: 'fenced', owner: second }])
  expect(await outcome).toBe('done')
  expect([taken, asked.map(([at]) => at)]).toEqual([[key], ['self', 'second']])
})

test('nodes that name each other are asked without a wait three times, then with one', async () => {
  const to = (owner: NodeRef): Reply => ({ code: 'moved', owner })
  const { clock, asked, outcome } = scene(first, [to(second), to(first), to(second), to(first)])
  await new Promise(setImmediate)
  expect(asked.map(([at]) => at)).toEqual(['first', 'second', 'first', 'second'])
  await clock.advance(1_000)
  expect(await outcome).toBe('done')
  expect(asked).toHaveLength(5)
})
