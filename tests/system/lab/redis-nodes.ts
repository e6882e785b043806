/** Several nodes, a process each, over one real Redis; each has a proxy of its own before it. */
import { join } from 'node:path'
import { TcpProxy } from '@beamclaw/testkit'
import {
  type AnswerFunction,
  type ModelAnswer,
  type ModelServer,
  type ReceivedRequest,
  startModelServer,
} from '@beamclaw/testkit/model-server'
import { messagesOf, toolModel } from './drill.ts'
import type { JournalRecord } from './journal-files.ts'
import { effectsIn, isAtRest, problemsIn } from './journals.ts'
import { NodeProcess, type NodeSetup, Refusal } from './node.ts'
import { journalInRedis, sessionsInRedis } from './redis-journals.ts'
import { LabRedis } from './redis-server.ts'

export interface RedisNodesOptions extends Pick<NodeSetup, 'cluster' | 'store' | 'sessions'> {
  readonly count?: number
  readonly answers?: AnswerFunction
  /** Settings of redis-server. */
  readonly redis?: readonly string[]
}

/** Long enough for a busy machine, and short enough that a test waits for it. */
export const quickTimes = { heartbeatMs: 150, ttlMs: 1_800 } as const

/** As `toolModel`; `pay x` calls the tool that waits for approval. */
function nodeModel(request: ReceivedRequest): ModelAnswer {
  const last = messagesOf(request).at(-1)
  const text = String(last?.content)
  if (last?.role !== 'user' || !text.startsWith('pay ')) return toolModel(request)
  return { toolCalls: [{ id: text.replaceAll(/\W+/g, '-'), name: 'pay' }] }
}

/** Refusals after which a client sends its message again, with the same key. */
const passing = new Set(['node-died', 'node-isolated', 'node-gone', 'call-timeout', 'draining', 'store-io', 'store-stopped'])
const alsoPassing = new Set(['actor-not-running', 'actor-stopped', 'actor-killed', 'run-interrupted', 'fenced', 'moved', 'unknown-run'])

export class RedisNodes implements AsyncDisposable {
  readonly redis: LabRedis
  readonly model: ModelServer
  /** Every life of every node. */
  readonly lives: NodeProcess[] = []
  readonly #options: RedisNodesOptions
  readonly #proxies = new Map<string, TcpProxy>()

  private constructor(redis: LabRedis, model: ModelServer, options: RedisNodesOptions) {
    this.redis = redis
    this.model = model
    this.#options = options
  }

  /** Starts nodes that see each other: `node-0`, `node-1`, … */
  static async start(options: RedisNodesOptions = {}): Promise<RedisNodes> {
    const { count = 3, answers = nodeModel, redis = [] } = options
    const model: ModelServer = await startModelServer({
      answers: (request, index) => {
        // Otherwise all that was ever asked stays in memory.
        model.requests.length = 0
        return answers(request, index)
      },
    })
    const lab = new RedisNodes(await LabRedis.begin(...redis), model, options)
    await Promise.all(Array.from({ length: count }, (_, index) => lab.begin(`node-${index}`)))
    await lab.allSee(count)
    return lab
  }

  /** The nodes whose process lives, by their ids. */
  get nodes(): readonly NodeProcess[] {
    return this.lives.filter(({ isOver }) => !isOver).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  node(id: string): NodeProcess {
    const found = this.nodes.find((node) => node.id === id)
    if (found === undefined) throw new Error(`${id} does not run`)
    return found
  }

  /** The way from a node that was started to Redis. */
  proxy(id: string): TcpProxy {
    return this.#proxies.get(id) as TcpProxy
  }

  /** The way from a node to Redis, which is made for its first life. */
  async wayOf(id: string): Promise<TcpProxy> {
    const known = this.#proxies.get(id)
    if (known !== undefined) return known
    const proxy = await TcpProxy.start({ target: { path: this.redis.socket } })
    this.#proxies.set(id, proxy)
    return proxy
  }

  /** Lets a node reach Redis again after bytes of it were swallowed: over new connections, since no network delivers a stream with a hole. */
  heal(id: string): void {
    this.proxy(id).cut()
    this.proxy(id).pass()
  }

  /** Starts a node, or the next life of one, and does not wait. */
  async launch(id: string, changes: Partial<NodeSetup> = {}): Promise<NodeProcess> {
    const { cluster = quickTimes, store = {}, sessions = {} } = this.#options
    const url = `redis://127.0.0.1:${(await this.wayOf(id)).port}`
    const setup = { id, url, modelUrl: this.model.baseUrl, effects: this.#effects, cluster, store, sessions, ...changes }
    const node = new NodeProcess(setup)
    this.lives.push(node)
    return node
  }

  /** Starts a node, or the next life of one, and waits until it is ready. */
  async begin(id: string): Promise<NodeProcess> {
    return (await this.launch(id)).ready()
  }

  /** Resolves once each node sees so many. */
  async allSee(count = this.nodes.length): Promise<void> {
    await until(`each node sees ${count}`, async () => {
      const looks = await Promise.all(this.nodes.map((node) => node.look()))
      return looks.every(({ members, phase }) => phase === 'running' && members.length === count)
    })
  }

  /** The node that owns a session. */
  async ownerOf(session: string): Promise<NodeProcess> {
    return this.node(await (this.nodes[0] as NodeProcess).ownerOf(session))
  }

  /** Sends a message until it was answered, each time at the next node: as a client does whose load balancer knows of nothing. */
  async say(session: string, text: string, options: { readonly key?: string; readonly from?: number } = {}): Promise<string> {
    for (let turn = options.from ?? 0; ; turn++) {
      const { nodes } = this
      const node = nodes[turn % nodes.length]
      try {
        if (node !== undefined) return await node.send(session, text, options.key).answer
      } catch (error) {
        if (!(error instanceof Refusal) || !(passing.has(error.code) || alsoPassing.has(error.code))) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  sessions(): Promise<readonly string[]> {
    return sessionsInRedis(this.redis)
  }

  journal(session: string): Promise<readonly JournalRecord[]> {
    return journalInRedis(this.redis, session)
  }

  /** Resolves with a journal as soon as `isReached` says so of it. */
  async journalUntil(session: string, isReached: (records: readonly JournalRecord[]) => boolean): Promise<readonly JournalRecord[]> {
    let records: readonly JournalRecord[] = []
    await until(`the journal of ${session} is as expected`, async () => {
      records = await this.journal(session)
      return isReached(records)
    })
    return records
  }

  /** Waits until every message that was acknowledged has its end. Resolves with the broken promises of all sessions, a line each. */
  async problems(): Promise<readonly string[]> {
    const effects = effectsIn(this.#effects)
    const problems: string[] = []
    for (const session of await this.sessions()) {
      const receipts = this.lives.flatMap((node) => node.receipts.filter((one) => one.session === session).map(({ receipt }) => receipt))
      const acknowledged = new Set<string>(receipts.map(({ runId }) => runId))
      const records = await this.journalUntil(session, (found) => isAtRest(found, (runId) => acknowledged.has(runId)))
      problems.push(...problemsIn(records, receipts, effects).map((problem) => `${session}: ${problem}`))
      problems.push(...this.#toldWrong(session, records))
    }
    return problems
  }

  /** Resolves once every living subscriber of a session has heard all of its journal; rejects with what it has instead. */
  async allHeard(session: string): Promise<void> {
    const expected = (await this.journal(session)).map(({ seq }) => seq).join()
    for (const node of this.nodes) {
      const heard = node.heard.get(session)
      if (heard !== undefined)
        await until(
          `${node.id} has heard all of ${session} once and in order; it heard ${heard.length}, ${node.ends.get(session) ?? 'and listens'}`,
          () => heard.map(({ seq }) => seq).join() === expected,
          15_000,
        )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) node.thaw()
    this.redis.thaw()
    await Promise.all(this.lives.map((node) => node.kill()))
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()))
    await this.model.stop()
    await this.redis[Symbol.asyncDispose]()
  }

  get #effects(): string {
    return join(this.redis.folder, 'effects')
  }

  /** What a subscriber was told must be in the journal, once and in order. */
  #toldWrong(session: string, records: readonly JournalRecord[]): readonly string[] {
    const bySeq = new Map(records.map((record) => [record.seq, record]))
    return this.lives.flatMap((node) =>
      (node.heard.get(session) ?? []).flatMap(({ seq, type, runId }, index, all) => {
        const before = all[index - 1]?.seq ?? 0
        const isTrue = bySeq.get(seq)?.data.runId === runId
        return [
          ...(isTrue ? [] : [`I7: ${session}: ${node.id} was told ${type} ${seq} of ${runId}, which is not there`]),
          ...(seq === before + 1 ? [] : [`I7: ${session}: ${node.id} was told ${seq} after ${before}`]),
        ]
      }),
    )
  }
}

/** Resolves once something holds. Rejects when it does not within so long: far more than any machine takes. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${patienceMs} ms until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
