/** Workers of one parent that have tasks done by a benchmark; run as a worker, it does them. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw, silentLogger, zeroUsage } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { ShardedStore, shardPath, WorkerCluster, WorkerParent } from '@beamclaw/workers'

/** What a worker does. It replies with numbers. */
export type Task =
  /** `each` runs after each other in each session, all sessions at once: milliseconds for all. */
  | { readonly do: 'runs'; readonly sessions: readonly string[]; readonly each: number; readonly text?: string }
  /** Indexes of the sessions whose shards the worker has. */
  | { readonly do: 'owned'; readonly sessions: readonly string[] }

/** Milliseconds that the model takes to answer "slow". */
export const slowMs = 300

/** One worker, as the benchmark sees it. */
export class WorkerNode {
  readonly pid: number
  readonly #socket: Socket
  readonly #replies: ((numbers: readonly number[]) => void)[] = []

  constructor(socket: Socket, pid: number) {
    this.#socket = socket
    this.pid = pid
  }

  /** Takes the reply to the oldest task. */
  replied(numbers: readonly number[]): void {
    this.#replies.shift()?.(numbers)
  }

  async measure(task: Task): Promise<readonly number[]> {
    this.#socket.write(`${JSON.stringify(task)}\n`)
    return await new Promise((resolve) => this.#replies.push(resolve))
  }
}

/** A parent with its workers. A worker that dies is started again at once, and has its part of the shards back soon after. */
export class Workers {
  readonly nodes: WorkerNode[] = []
  readonly #server: Server
  readonly #parent: WorkerParent
  readonly #count: number

  private constructor(server: Server, parent: WorkerParent, count: number) {
    this.#server = server
    this.#parent = parent
    this.#count = count
  }

  static async start(path: string, count: number): Promise<Workers> {
    const server = createServer()
    server.listen(join(path, '..', `${count}.sock`))
    await once(server, 'listening')
    const parent = new WorkerParent({
      path,
      entry: fileURLToPath(import.meta.url),
      workers: count,
      args: ['worker', String(server.address()), path],
      maxRestarts: 1_000,
      backoffMs: 1,
      returnShardsAfterMs: 100,
    })
    const workers = new Workers(server, parent, count)
    server.on('connection', (socket) => workers.#joined(socket))
    await parent.start()
    await workers.settled()
    return workers
  }

  /** Resolves once all workers are there, each with its part of the shards. */
  async settled(): Promise<void> {
    const names = Array.from({ length: 200 }, (_, index) => `agent:main:look-${index}`)
    const most = (1.4 / this.#count) * names.length
    for (;;) {
      if (this.nodes.length === this.#count) {
        const owned = await Promise.all(this.nodes.map((node) => node.measure({ do: 'owned', sessions: names })))
        if (owned.every((some) => some.length <= most)) return
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Kills a worker; resolves at once. */
  kill(node: WorkerNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    process.kill(node.pid, 'SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#parent.stop({ signal: 'SIGKILL' })
    this.#server.close()
  }

  #joined(socket: Socket): void {
    let node: WorkerNode | undefined
    socket.on('error', () => {})
    createInterface({ input: socket }).on('line', (line) => {
      const message = JSON.parse(line) as { readonly pid?: number; readonly numbers?: readonly number[] }
      if (message.pid !== undefined) {
        node = new WorkerNode(socket, message.pid)
        this.nodes.push(node)
      } else if (message.numbers !== undefined) node?.replied(message.numbers)
    })
  }
}

const model: Provider = {
  async *doStream({ messages }) {
    if (String(messages.at(-1)?.content).startsWith('slow')) await new Promise((resolve) => setTimeout(resolve, slowMs))
    yield { type: 'text-delta', text: 'Hello yourself. ' }
    yield { type: 'finish', reason: 'stop', usage: zeroUsage }
  },
}

async function carryOut(claw: RunningBeamClaw, cluster: WorkerCluster, task: Task): Promise<readonly number[]> {
  if (task.do === 'owned') {
    const places = await Promise.all(task.sessions.map((session) => cluster.locate(`default:${session}`)))
    return places.flatMap(({ node }, index) => (node.incarnation === cluster.self.incarnation ? [index] : []))
  }
  const { sessions, each, text = 'hello' } = task
  const startedAt = performance.now()
  const converse = async (session: string): Promise<void> => {
    for (let index = 0; index < each; index++) await claw.session(session).send(text).result()
  }
  await Promise.all(sessions.map(converse))
  return [performance.now() - startedAt]
}

if (process.argv[2] === 'worker') {
  const [, , , address = '', path = ''] = process.argv
  const cluster = WorkerCluster.child({ logger: silentLogger })
  const openShard = (shard: number): FsStore => new FsStore({ path: shardPath(path, shard), lockWaitMs: 10_000 })
  const claw = await new BeamClaw({
    providers: { bench: model },
    agents: [defineAgent({ id: 'main', model: 'bench/short' })],
    services: { logger: silentLogger },
    store: new ShardedStore({ network: cluster.shards, openShard }),
    cluster,
  }).start()
  const socket = connect(address)
  socket.on('error', () => {})
  socket.write(`${JSON.stringify({ pid: process.pid })}\n`)
  createInterface({ input: socket }).on('line', async (line) => {
    const numbers = await carryOut(claw, cluster, JSON.parse(line) as Task)
    socket.write(`${JSON.stringify({ numbers })}\n`)
  })
  await cluster.orphaned
  process.exit()
}
