import type { ClusterHost, JsonValue, SessionHandle } from '@beamclaw/core'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

interface Asked {
  readonly type: string
  readonly key: string
  readonly ids: readonly number[]
}

/** A node that replies to every call of a session as it is told to. */
class Liar implements ClusterHost {
  readonly wire = [1, 1] as const
  readonly records = [1, 1] as const
  readonly asked = new Set<string>()
  reply: JsonValue = null

  async onRequest(body: JsonValue): Promise<JsonValue> {
    const { type, key, ids } = body as unknown as Asked
    if (type === 'events.listen') return { head: 0 }
    if (type === 'events.renew') return { heads: ids.map(() => 0) }
    if (type !== 'session') return null
    this.asked.add(key)
    return this.reply
  }

  onTell(): void {}
  onMembers(): void {}
  onIsolated(): void {}
  onRejoined(): void {}
}

/** By the type of its message, every call that a session at another node replies to with something. */
const calls: Readonly<Record<string, (session: SessionHandle) => Promise<unknown>>> = {
  send: (session) => session.send('hello').accepted,
  result: (session) => session.send('hello').result(),
  find: (session) => session.follow('a-run').result(),
  redrive: (session) => session.redrive('a-run').result(),
  abort: (session) => session.abort('a-run'),
  'abort of what runs': (session) => session.abort(),
  history: (session) => session.history(),
  'dead-letters': (session) => session.deadLetters(),
  rewind: (session) => session.rewind(0),
  export: (session) => session.export(),
  fork: (session) => session.fork('branch'),
  inspect: (session) => session.inspect(),
}

const entry = { index: 0, createdAt: 1, runId: 'a', message: { role: 'user', content: 'hi' } }
const receipt = { runId: 'a-run', status: 'completed', seq: 3 }
const history = { messages: [entry], total: 1, runs: [], seq: 3 }
const usage = { inputTokens: 1, outputTokens: 1 }
const inspection = { waiting: [], deadLetters: [] }
const exported = { version: 1, messages: [entry], settings: {} }

/** What no version replies. */
const lies: Readonly<Record<string, JsonValue>> = {
  'nothing at all': null,
  'a word': 'yes',
  'no value': {},
  'a list in the place of a value': { value: [null] },
  'a word in the place of a value': { value: 'yes' },
  'a number below zero': { value: -1 },
  'an object without fields': { value: {} },
}

/** What is nearly a reply, by call. */
const nearly: readonly (readonly [call: string, reply: JsonValue])[] = [
  ['send', { ...receipt, seq: 'three' }],
  ['send', { ...receipt, runId: '' }],
  ['result', { ...receipt, ended: { usage } }],
  ['result', { ...receipt, ended: { outcome: 'completed' } }],
  ['find', { ...receipt, ended: { outcome: 'failed', usage, failure: {} } }],
  ['redrive', { ...receipt, ended: { outcome: 'completed', usage, message: { role: 'assistant' } } }],
  ['redrive', { ...receipt, ended: { outcome: 'completed', usage, usageByModel: 7 } }],
  ['abort', { runId: 'a-run', wasAborted: 1, status: 'aborted' }],
  ['abort', { runId: 'a-run', wasAborted: true }],
  ['abort', { runId: 7, wasAborted: true, status: 'aborted' }],
  ['abort of what runs', { ...inspection, current: {} }],
  ['inspect', { ...inspection, waiting: [7] }],
  ['inspect', { ...inspection, deadLetters: 'none' }],
  ['history', { ...history, messages: [{ ...entry, message: { role: 'wizard', content: 'hi' } }] }],
  ['history', { ...history, messages: [{ ...entry, message: { role: 'user' } }] }],
  ['history', { ...history, messages: [{ ...entry, message: { role: 'user', content: [null] } }] }],
  ['history', { ...history, total: -1 }],
  ['history', { ...history, runs: [{}] }],
  ['history', { ...history, seq: null }],
  ['dead-letters', [{ at: 1 }]],
  ['export', { ...exported, version: 2 }],
  ['export', { ...exported, settings: null }],
  ['fork', { ...exported, messages: [entry, {}] }],
]

/** Resolves with a liar that has joined, and a session that lives there. */
async function besideLiar(lab: Nodes) {
  const liar = new Liar()
  const node = lab.network.node('liar')
  await node.join(liar)
  const [{ claw }] = lab.nodes as [LabNode]
  await vi.waitFor(() => expect(claw.cluster.nodes).toHaveLength(2), { timeout: 10_000, interval: 5 })
  for (let next = 0; liar.asked.size === 0; next++)
    await claw
      .session(`agent:main:s${next}`)
      .inspect()
      .catch(() => {})
  const session = claw.session([...liar.asked][0] as string)
  return { liar, node, claw, session }
}

test('a node that replies what no version does breaks no caller: each call is told so', async () => {
  await using lab = await Nodes.start({ count: 1 })
  const { liar, node, claw, session } = await besideLiar(lab)
  const told = { code: 'unknown-message', message: expect.stringContaining('Node "liar" replied what this version cannot read') }
  for (const [what, lie] of Object.entries(lies)) {
    liar.reply = lie
    for (const [call, make] of Object.entries(calls)) await expect(make(session), `${call}: ${what}`).rejects.toMatchObject(told)
  }
  for (const [call, value] of nearly) {
    liar.reply = { value }
    await expect(calls[call]?.(session), `${call}: ${JSON.stringify(value)}`).rejects.toMatchObject(told)
  }
  // The node itself goes on, with the sessions that it has.
  expect(claw.isRunning).toBe(true)
  await node.stop()
  await vi.waitFor(async () => expect((await session.send('again').result()).text).toBe('heard again'), { timeout: 10_000, interval: 5 })
})

test('what callers do not rely on may be new', async () => {
  await using lab = await Nodes.start({ count: 1 })
  const { liar, node, session } = await besideLiar(lab)
  liar.reply = { value: { ...history, ofLater: 1, messages: [{ ...entry, ofLater: { a: 1 } }] }, ofLater: 1 }
  expect(await session.history()).toMatchObject({ total: 1, messages: [{ runId: 'a' }] })
  liar.reply = { value: { runId: 'a-run', wasAborted: false, status: 'of-later' } }
  expect(await session.abort('a-run')).toMatchObject({ status: 'of-later' })
  await node.stop()
})
