import type { ClusterHost, JsonValue, StoreKey } from '@beamclaw/core'
import { expect, test, vi } from 'vitest'
import { type LabNode, Nodes } from './lab/nodes.ts'

const session = 'agent:main:raised'
const journal = ['default', 'sessions', 'main', 'raised'] as unknown as StoreKey

/** Ends the journal with a record as a later version may write it, which accepts a message. */
async function raise(lab: Nodes): Promise<number> {
  const { lastSeq = 0 } = (await lab.store.readLog(journal)) ?? {}
  const log = await lab.store.openLog(journal, { epoch: 10_000, nonce: 'later' })
  await log.read()
  const data = { format: 2, runId: 'of-later', kind: 'what this version does not know' }
  await log.append([{ seq: lastSeq + 1, type: 'message-of-later', id: 'later', ts: 0, data }])
  await log.close()
  return lastSeq + 1
}

/** Begins the session, and has every node forget it. */
async function begunAndLeft(lab: Nodes): Promise<void> {
  const [first] = lab.nodes as [LabNode]
  expect((await first.claw.session(session).send('hello').result()).text).toBe('heard hello')
  for (const node of [...lab.nodes]) await lab.restart(node)
}

/** A node of the next version, which says where its calls are from. */
class LaterNode implements ClusterHost {
  readonly wire = [1, 1] as const
  readonly records = [1, 2] as const
  readonly asked: JsonValue[] = []

  async onRequest(body: JsonValue): Promise<JsonValue> {
    this.asked.push(body)
    return { value: [] }
  }

  onTell(): void {}
  onMembers(): void {}
  onIsolated(): void {}
  onRejoined(): void {}
}

test('F47: a journal of a later version is refused as such, and nothing is written to it; the other sessions work', async () => {
  await using lab = await Nodes.start({ count: 2 })
  await begunAndLeft(lab)
  const lastSeq = await raise(lab)
  for (const { claw } of lab.nodes) {
    await expect(claw.session(session).send('again').accepted).rejects.toMatchObject({ code: 'log-too-new', details: { format: 2 } })
    await expect(claw.session(session).history()).rejects.toMatchObject({ code: 'log-too-new' })
    expect((await claw.session('agent:main:other').send('hi').result()).text).toBe('heard hi')
    expect(claw.isRunning).toBe(true)
  }
  expect((await lab.store.readLog(journal))?.lastSeq).toBe(lastSeq)
})

test('F47: a call for a journal of a later version goes to a node that reads it', async () => {
  await using lab = await Nodes.start({ count: 1 })
  await begunAndLeft(lab)
  const lastSeq = await raise(lab)
  const later = new LaterNode()
  const node = lab.network.node('later')
  await node.join(later)
  const [first] = lab.nodes as [LabNode]
  await vi.waitFor(() => expect(first.claw.cluster.nodes).toHaveLength(2), { timeout: 10_000, interval: 5 })
  await first.claw.session(session).deadLetters()
  expect(later.asked).toContainEqual(expect.objectContaining({ type: 'session', key: session }))
  expect((await lab.store.readLog(journal))?.lastSeq).toBe(lastSeq)
  await node.stop()
})
