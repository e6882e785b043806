/** Shards that move between workers that run, under the sessions of a BeamClaw in each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joined } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw, type Store, SystemClock } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { expectRejection, fencingToken, logRecords, seededRandom } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Hub } from './hub.ts'
import { ShardedStore } from './sharded-store.ts'
import { allShards, folderOfShard, shardOfKey } from './shards.ts'
import { sessionOf } from './testing/filled-directory.ts'
import { startWorkers, type TestWorker } from './testing/workers.ts'

/** A BeamClaw that does nothing. */
const host = {
  wire: [1, 1],
  records: [1, 1],
  onRequest: async () => null,
  onTell() {},
  onMembers() {},
  onIsolated() {},
  onRejoined() {},
} as const

let path: string
let ends: (() => Promise<void>)[]
let hub: Hub
let moved: number[]

beforeEach(() => {
  path = mkdtempSync(joined(tmpdir(), 'beamclaw-moves-'))
  ends = []
  moved = []
  const clock = new SystemClock()
  const log = (_: string, event: string, fields?: Readonly<Record<string, unknown>>): void => {
    if (event === 'workers.shard-moved') moved.push(Number(fields?.shard))
  }
  hub = new Hub({ setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs), settleMs: 50, logger: { log } })
})

afterEach(async () => {
  hub.stop()
  for (const end of ends) await end()
  rmSync(path, { recursive: true, force: true })
})

function storeOf({ cluster }: TestWorker): ShardedStore {
  const openShard = (shard: number): Store => new FsStore({ path: joined(path, folderOfShard(shard)), sync: 'os', lockWaitMs: 10_000 })
  return new ShardedStore({ network: cluster.shards, openShard })
}

function shardsOf(id: string): readonly number[] {
  return allShards.filter((shard) => hub.shards[shard]?.id === id)
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    if (waited > 20_000) throw new Error(`not within 20 s: ${what}`)
    await sleep(5)
  }
}

/** How often the model was asked, by the text of the message. */
const asked = new Map<string, number>()

/** Takes a while to answer, so that shards move under runs. */
const model: Provider = {
  async *doStream(request) {
    const text = JSON.stringify(request.messages.at(-1)?.content)
    asked.set(text, (asked.get(text) ?? 0) + 1)
    await sleep(20)
    yield { type: 'text-delta', text: 'fine' }
    yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
  },
}

interface Node {
  readonly worker: TestWorker
  readonly claw: RunningBeamClaw
  readonly store: Store
}

async function join(...ids: string[]): Promise<readonly Node[]> {
  return await Promise.all(
    startWorkers(hub, ...ids).map(async (worker) => {
      const store = storeOf(worker)
      const claw = await new BeamClaw({
        providers: { test: model },
        agents: [defineAgent({ id: 'main', model: 'test/model' })],
        store,
        cluster: worker.cluster,
        sessions: { passivateAfterMs: 200 },
        services: { logger: { log: () => {} } },
      }).start()
      ends.push(async () => {
        await claw.stop()
        worker.kill()
      })
      return { worker, claw, store }
    }),
  )
}

describe('a worker that comes beside one that has all shards', () => {
  test('gets its part while runs are under way: callers at both see no error, and no run asks the model twice', async () => {
    const [one] = (await join('one')) as [Node]
    expect(shardsOf('one')).toHaveLength(16)
    asked.clear()
    let isOver = false
    let count = 0
    const talk = async (caller: () => RunningBeamClaw, session: number): Promise<void> => {
      while (!isOver) {
        const text = `message-${++count}`
        const result = await caller().session(`agent:main:s${session}`).send(text, { idempotencyKey: text }).result()
        expect(result.text).toBe('fine')
      }
    }
    const sessions = Array.from({ length: 48 }, (_, index) => index)
    let two: Node | undefined
    const talks = Promise.all(sessions.map((session) => talk(() => (session % 2 === 0 ? (two?.claw ?? one.claw) : one.claw), session)))
    talks.catch(() => {})
    await sleep(100)
    two = ((await join('two')) as [Node])[0]
    await Promise.race([until('both have eight', () => shardsOf('two').length === 8), talks])
    await Promise.race([sleep(1_000), talks])
    isOver = true
    await talks
    expect(moved).toHaveLength(8)
    expect([...asked].filter(([, times]) => times > 1)).toEqual([])
    expect(asked.size).toBe(count)
    for (const session of sessions) {
      const { total } = await two.claw.session(`agent:main:s${session}`).history()
      expect(total % 2).toBe(0)
    }
  }, 60_000)
})

describe('workers that are killed, started again and drained while shards move', () => {
  test('lose no message and run none twice', async () => {
    const chance = seededRandom(14)
    const nodes = new Map<string, Node>()
    const start = async (id: string): Promise<void> => void nodes.set(id, ((await join(id)) as [Node])[0])
    for (const id of ['one', 'two', 'three']) await start(id)
    let isOver = false
    const sent = Array.from({ length: 30 }, () => 0)
    const talk = async (session: number): Promise<void> => {
      for (; !isOver; sent[session] = (sent[session] ?? 0) + 1) {
        const text = `chaos-${session}-${sent[session]}`
        for (;;) {
          const node = [...nodes.values()][Math.floor(chance.next() * nodes.size)]
          const result = node?.claw.session(`agent:main:c${session}`).send(text, { idempotencyKey: text }).result()
          // A caller at a worker that was killed has gone with it.
          const late = sleep(3_000, undefined, { ref: false })
          if ((await Promise.race([result?.catch(() => undefined), late])) !== undefined) break
          await sleep(20)
        }
      }
    }
    const talks = Promise.all(sent.map((_, session) => talk(session)))
    for (let round = 0; round < 8; round++) {
      await sleep(300 + 400 * chance.next())
      const [id = '', node] = [...nodes][Math.floor(chance.next() * nodes.size)] ?? []
      if (round % 3 === 2) await node?.claw.drain({ stepMs: 1_000 })
      nodes.delete(id)
      node?.worker.kill()
      node?.claw.kill()
      // The locks of its shards go with the process.
      await node?.store.stop()
      await sleep(50)
      await start(id)
    }
    isOver = true
    await talks
    expect(moved.length).toBeGreaterThan(3)
    const [any] = [...nodes.values()]
    for (const [session, count] of sent.entries()) {
      const { messages, total } = (await any?.claw.session(`agent:main:c${session}`).history({ limit: 1_000 })) ?? {
        messages: [],
        total: 0,
      }
      expect([session, total], JSON.stringify(messages.slice(-4))).toEqual([session, 2 * count])
    }
  }, 90_000)
})

describe('a worker that drains', () => {
  test('hands its sessions and all its shards to the others, and callers at it are served by them', async () => {
    const [one, two] = (await join('one', 'two')) as [Node, Node]
    const sessions = Array.from({ length: 24 }, (_, index) => `agent:main:d${index}`)
    const send = (node: Node, session: string, text: string) => node.claw.session(session).send(text).result()
    await Promise.all(sessions.map((session) => send(one, session, 'first')))
    const under = sessions.map((session) => send(one, session, 'second'))
    await two.claw.cluster.drain('one')
    expect((await Promise.all(under)).map(({ text }) => text)).toEqual(sessions.map(() => 'fine'))
    await until('it has no shard', () => shardsOf('one').length === 0)
    const answers = await Promise.all(sessions.map((session) => send(one, session, 'third')))
    expect(answers.map(({ text }) => text)).toEqual(sessions.map(() => 'fine'))
    const status = await two.claw.cluster.status()
    expect(status.map(({ id, state }) => [id, state])).toEqual([
      ['one', 'draining'],
      ['two', 'up'],
    ])
    await until('it has no session', () => one.claw.cluster.activity.sessions === 0)
    for (const session of sessions) expect((await two.claw.session(session).history()).total).toBe(6)
  }, 60_000)
})

describe('a log that is open while its shard moves', () => {
  test('goes on at the worker that has the shard, in order, and is fenced as before', async () => {
    const [first] = startWorkers(hub, 'one') as [TestWorker]
    const one = storeOf(first)
    const key = sessionOf('a')
    const shard = shardOfKey(key)
    await first.cluster.locate('any')
    await first.cluster.join(host)
    const logs = await Promise.all(Array.from({ length: 40 }, (_, index) => one.openLog(sessionOf(`s${index}`), fencingToken(5))))
    const [second] = startWorkers(hub, 'two') as [TestWorker]
    const two = storeOf(second)
    ends.push(async () => {
      await Promise.all([one.stop(), two.stop()])
      first.kill()
      second.kill()
    })
    await second.cluster.join(host)
    let isOver = false
    const write = async (log: (typeof logs)[number]): Promise<number> => {
      let seq = 0
      for (; !isOver; seq += 2) await Promise.all([log.append(logRecords(seq + 1)), log.append(logRecords(seq + 2))])
      return seq
    }
    const writes = Promise.all(logs.map(write))
    writes.catch(() => {})
    await Promise.race([until('both have eight', () => shardsOf('two').length === 8), writes])
    await sleep(50)
    isOver = true
    const counts = await writes
    for (const [index, log] of logs.entries()) {
      const { records } = await log.read()
      expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: counts[index] ?? 0 }, (_, at) => at + 1))
    }
    const movedLog = logs[allShards.length] as (typeof logs)[number]
    const name = sessionOf(`s${allShards.length}`)
    const later = await two.openLog(name, fencingToken(6))
    await expectRejection(movedLog.append(logRecords((counts[allShards.length] ?? 0) + 1)), 'fenced')
    await later.append(logRecords((counts[allShards.length] ?? 0) + 1))
    expect(shard).toBeLessThan(16)
  }, 60_000)
})

describe('attachments that are being read while their shards move', () => {
  test('come whole, here and at the other worker', async () => {
    const [first] = startWorkers(hub, 'one') as [TestWorker]
    const one = storeOf(first)
    await first.cluster.join(host)
    const bytes = new Uint8Array(2_000_000).fill(7)
    const owners = Array.from({ length: 32 }, (_, index) => sessionOf(`s${index}`))
    const ids = await Promise.all(owners.map((owner) => one.blobs.put(owner, bytes)))
    const [second] = startWorkers(hub, 'two') as [TestWorker]
    const two = storeOf(second)
    ends.push(async () => {
      await Promise.all([one.stop(), two.stop()])
      first.kill()
      second.kill()
    })
    let isOver = false
    const read = async (store: Store, index: number): Promise<void> => {
      for (let round = 0; round === 0 || !isOver; round++) {
        let size = 0
        const blob = await store.blobs.read(owners[index] as (typeof owners)[number], ids[index] as string)
        for await (const piece of blob?.bytes ?? []) {
          size += piece.length
          await sleep(5)
        }
        expect(size).toBe(bytes.length)
      }
    }
    const reads = Promise.all(owners.flatMap((_, index) => [read(one, index), read(two, index)]))
    reads.catch(() => {})
    await second.cluster.join(host)
    await Promise.race([until('both have eight', () => shardsOf('two').length === 8), reads])
    isOver = true
    await reads
    expect(moved).toHaveLength(8)
  }, 60_000)
})
