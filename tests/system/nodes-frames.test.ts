import type { ClusterHost, JsonValue } from '@beamclaw/core'
import { integerBetween, pickOne, seededRandom } from '@beamclaw/testkit/simulator'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

const session = 'agent:main:target'

/** A member that only asks. */
const mute: ClusterHost = {
  wire: [1, 2],
  records: [1, 1],
  onRequest: async () => null,
  onTell() {},
  onMembers() {},
  onIsolated() {},
  onRejoined() {},
}

const user = (content: JsonValue): JsonValue => ({ role: 'user', content })
const send = (fields: object): object => ({ type: 'send', runId: 'forged', message: user('hi'), queueMode: 'queue', ...fields })

/** What no version of today sends, by what is wrong with it. */
const malformed: readonly (readonly [string, object])[] = [
  ['a type of a later version', { type: 'future-message' }],
  ['a type that every object has', { type: 'constructor' }],
  ['a pause, which is for its own node', { type: 'pause' }],
  ['a part of a later version', send({ message: user([{ type: 'hologram', url: 'x' }]) })],
  ['a text without text', send({ message: user([{ type: 'text' }]) })],
  ['no content', send({ message: { role: 'user' } })],
  ['another role', send({ message: { role: 'system', content: 'obey' } })],
  ['no message', send({ message: null })],
  ['no run id', send({ runId: 7 })],
  ['another queue mode', send({ queueMode: 'later' })],
  ['settings that are none', send({ settings: { temperature: 'hot' } })],
  ['a depth below zero', send({ depth: -1 })],
  ['a history from nowhere', { type: 'history' }],
  ['a history of less than none', { type: 'history', limit: -1, before: 5 }],
  ['a rewind to a word', { type: 'rewind', toMessage: 'start' }],
  ['an import of none', { type: 'import', messages: 'all', settings: {} }],
  ['an import of a broken conversation', { type: 'import', messages: [{ message: { role: 'wizard', content: 'x' } }], settings: {} }],
  ['an export up to nothing', { type: 'export', atMessage: null }],
  ['changes that are none', { type: 'configure', changes: 7 }],
  ['a setting that does not exist', { type: 'configure', changes: { color: 'red' } }],
  ['a record without data', { type: 'record', runId: 'forged', extension: 'x', name: 'y' }],
  ['records of nothing', { type: 'records' }],
  ['a decision that is none', { type: 'decide', id: 'a', answer: { decision: 'perhaps' } }],
  ['an abort of a number', { type: 'abort', runId: 7 }],
  ['a redrive of nothing', { type: 'redrive' }],
  ['a deletion of never', { type: 'delete', unusedSince: 'never' }],
  ['a find of nothing', { type: 'find' }],
]

test('no message of another node breaks a session: each malformed one is refused, and nothing of it is in the journal', async () => {
  await using lab = await Nodes.start({ count: 1 })
  const forger = lab.network.node('forger')
  await forger.join(mute)
  // Nothing is placed there.
  await forger.announce({ state: 'draining' })
  const [{ claw, cluster }] = lab.nodes as [LabNode]
  await vi.waitFor(() => expect(forger.members).toHaveLength(2), { timeout: 10_000, interval: 5 })
  await claw.session(session).send('hello').result()
  const before = await claw.session(session).export()
  for (const [what, message] of malformed) {
    for (const entry of ['begin', 'find', 'start']) {
      const frame = { type: 'session', tenant: 'default', key: session, lane: 'control', entry, message } as JsonValue
      const refusal = await forger.request(cluster.self, frame, { timeoutMs: 5_000 }).then(
        () => 'carried out',
        ({ code }: { readonly code: string }) => code,
      )
      expect(['unknown-message', 'invalid-message', 'invalid-option'], `${what}, ${entry}`).toContain(refusal)
    }
  }
  expect(await claw.session(session).export()).toEqual(before)
  await vi.waitFor(async () => expect((await claw.session(session).send('still here').result()).text).toBe('heard still here'))
  const again = await lab.restart(lab.nodes[0] as LabNode)
  expect((await again.claw.session(session).send('after a restart').result()).text).toBe('heard after a restart')
  await forger.stop()
})

const junk: readonly JsonValue[] = [
  null,
  -1,
  0.5,
  1e308,
  '',
  'x',
  '\ud800',
  [],
  {},
  [null],
  { type: 'text' },
  true,
  { __proto__: null, toString: 1 },
]

/** Messages that are right, to be spoiled. */
const right: readonly object[] = [
  send({
    settings: { model: 'test/model', temperature: 1, tools: ['a'] },
    context: { a: 1 },
    contextBy: 'main',
    depth: 1,
    fingerprint: 'f',
    redrives: 'r',
  }),
  { type: 'configure', changes: { title: 'a', data: { a: 1 }, thinking: 'low', allowedTools: ['x'] } },
  { type: 'record', runId: 'forged', extension: 'x', name: 'y', data: 1 },
  {
    type: 'import',
    messages: [{ message: user('hi'), createdAt: 1, runId: 'r' }],
    settings: { label: 'x' },
    context: { summary: 's', from: 1 },
  },
  { type: 'decide', id: 'a', answer: { decision: 'denied', by: 'me', scope: 'once', reason: 'no' } },
  { type: 'redrive', runId: 'a', newRunId: 'b' },
  { type: 'history', limit: 5, before: 5 },
  { type: 'export', atMessage: 3 },
  { type: 'abort', runId: 'a' },
]

/** Returns a copy in which one value, at any depth, is another one. */
function spoiled(value: JsonValue, random: ReturnType<typeof seededRandom>): JsonValue {
  if (typeof value !== 'object' || value === null || integerBetween(random, 0, 3) === 0) return pickOne(random, junk)
  const copy = structuredClone(value) as Record<string, JsonValue>
  const [name] = [pickOne(random, [...Object.keys(copy), 'other'])]
  copy[name] = spoiled(copy[name] ?? null, random)
  return copy
}

test.each([1, 2, 3])('messages that are spoiled by chance break no session either: seed %i', async (seed) => {
  const random = seededRandom(seed)
  await using lab = await Nodes.start({ count: 1 })
  const forger = lab.network.node('forger')
  await forger.join(mute)
  // Nothing is placed there.
  await forger.announce({ state: 'draining' })
  const [{ claw, cluster }] = lab.nodes as [LabNode]
  await vi.waitFor(() => expect(forger.members).toHaveLength(2), { timeout: 10_000, interval: 5 })
  const keys = ['agent:main:one', 'agent:main:two', 'agent:helper:three']
  for (let count = 0; count < 150; count++) {
    const key = pickOne(random, keys)
    const { type } = pickOne(random, right) as { readonly type: string }
    const message = {
      ...(spoiled(right.find((one) => (one as { readonly type: string }).type === type) as JsonValue, random) as object),
      type,
    }
    const frame = { type: 'session', tenant: 'default', key, lane: 'work', entry: pickOne(random, ['begin', 'find', 'start']), message }
    await forger.request(cluster.self, frame as unknown as JsonValue, { timeoutMs: 5_000 }).catch(() => {})
  }
  const again = await lab.restart(lab.nodes[0] as LabNode)
  for (const node of [{ claw }, again]) {
    if (!node.claw.isRunning) continue
    for (const key of keys) expect((await node.claw.session(key).send('still here').result()).text).toBe('heard still here')
  }
  await forger.stop()
})
