/** A node in a process of its own, over Redis or over files, with a model that costs nothing: it carries out what a benchmark measures. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, type Provider, type RunningBeamClaw, type Store, silentLogger, zeroUsage } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { RedisCluster, RedisStore } from '@beamclaw/store-redis'

/** Pieces of the answer to a message that begins with `stream`. */
export const pieces = 2_000

/** What a node is made of. */
export type NodeStorage = { readonly redis: string; readonly prefix: string; readonly id: string } | { readonly folder: string }

/** What a node measures. Each resolves with numbers: milliseconds, unless it says otherwise. */
export type Measurement =
  /** So many messages to each session, all sessions at once: the time of all together. */
  | { readonly do: 'runs'; readonly sessions: readonly string[]; readonly each: number }
  /** One streamed answer in each session, one after the other. */
  | { readonly do: 'streams'; readonly sessions: readonly string[] }
  /** One message to each session, one after the other or all at once: the time of each until its answer. */
  | { readonly do: 'asks'; readonly sessions: readonly string[]; readonly atOnce?: boolean }
  /** Requests to the first other node, one after the other: the time of each. */
  | { readonly do: 'requests'; readonly count: number }
  /** The sessions that this node owns, as their indexes. */
  | { readonly do: 'owned'; readonly sessions: readonly string[] }
  /** Reads the events of the sessions from now on. */
  | { readonly do: 'follow'; readonly sessions: readonly string[] }
  /** Microseconds of CPU that the process has used so far. */
  | { readonly do: 'cpu' }
  /** The members that the node sees. */
  | { readonly do: 'members' }
  | { readonly do: 'drain' }

/** Owns its process. */
export class ClusterNode {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Resolves once the node is ready. */
  static async start(storage: NodeStorage): Promise<ClusterNode> {
    const child = fork(fileURLToPath(import.meta.url), ['node', JSON.stringify(storage)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    await replyOf(child)
    return new ClusterNode(child)
  }

  /** One measurement at a time. */
  async measure(what: Measurement): Promise<readonly number[]> {
    const reply = replyOf(this.#child)
    this.#child.send(what)
    const numbers = await reply
    if (typeof numbers === 'string') throw new Error(numbers)
    return numbers as readonly number[]
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Resolves with the next message of a process. Rejects when it ends without one. */
async function replyOf(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const { signal } = ended
  try {
    const death = once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`the node ended with ${code}`)))
    const [message] = await Promise.race([once(child, 'message', { signal }), death])
    return message
  } finally {
    ended.abort()
  }
}

const model: Provider = {
  async *doStream({ messages }) {
    const isStream = String(messages.at(-1)?.content).startsWith('stream')
    for (let piece = 0; piece < (isStream ? pieces : 1); piece++) {
      yield { type: 'text-delta', text: 'Hello yourself. ' }
      // As they come from a network: some in each turn of the event loop.
      if (piece % 20 === 19) await new Promise((resolve) => setImmediate(resolve))
    }
    yield { type: 'finish', reason: 'stop', usage: zeroUsage }
  },
}

function portsOf(storage: NodeStorage): { readonly store: Store; readonly cluster?: RedisCluster } {
  if ('folder' in storage) return { store: new FsStore({ path: storage.folder }) }
  const { redis: url, prefix, id } = storage
  return { store: new RedisStore({ url, prefix }), cluster: new RedisCluster({ url, prefix, nodeId: id }) }
}

class Measuring {
  readonly #claw: RunningBeamClaw
  readonly #cluster: RedisCluster | undefined

  constructor(claw: RunningBeamClaw, cluster: RedisCluster | undefined) {
    this.#claw = claw
    this.#cluster = cluster
  }

  async measure(what: Measurement): Promise<readonly number[]> {
    switch (what.do) {
      case 'runs':
        return [await this.#time(() => Promise.all(what.sessions.map((session) => this.#converse(session, what.each))))]
      case 'asks': {
        const ask = (session: string): Promise<number> => this.#time(() => this.#converse(session, 1))
        if (what.atOnce === true) return Promise.all(what.sessions.map(ask))
        const times: number[] = []
        for (const session of what.sessions) times.push(await ask(session))
        return times
      }
      case 'streams':
        for (const session of what.sessions) await this.#claw.session(session).send('stream').result()
        return []
      case 'requests': {
        const other = this.#cluster?.members.find(({ incarnation }) => incarnation !== this.#cluster?.self.incarnation)
        if (this.#cluster === undefined || other === undefined) throw new Error('there is no other node')
        const times: number[] = []
        for (let index = 0; index < what.count; index++)
          times.push(await this.#time(() => this.#cluster?.request(other, { type: 'node.status' }, { timeoutMs: 5_000 })))
        return times
      }
      case 'owned': {
        const own = this.#cluster?.self.incarnation
        const places = await Promise.all(what.sessions.map((session) => this.#cluster?.locate(`default:${session}`)))
        return places.flatMap((place, index) => (place?.isOwner === true && place.node.incarnation === own ? [index] : []))
      }
      case 'follow':
        for (const session of what.sessions) void this.#read(session)
        // Its first look at the place of the session is over then.
        await new Promise((resolve) => setTimeout(resolve, 500))
        return []
      case 'cpu': {
        const { user, system } = process.cpuUsage()
        return [user + system]
      }
      case 'members':
        return [this.#claw.cluster.nodes.length]
      case 'drain':
        return [await this.#time(() => this.#claw.drain())]
    }
  }

  async #converse(session: string, count: number): Promise<void> {
    for (let index = 0; index < count; index++) await this.#claw.session(session).send('hello').result()
  }

  async #read(session: string): Promise<void> {
    for await (const _ of this.#claw.session(session).subscribe(1, { waitForFirstMessage: true }));
  }

  async #time(work: () => unknown): Promise<number> {
    const startedAt = performance.now()
    await work()
    return performance.now() - startedAt
  }
}

if (process.argv[2] === 'node') {
  const { store, cluster } = portsOf(JSON.parse(process.argv[3] ?? '') as NodeStorage)
  const claw = await new BeamClaw({
    providers: { bench: model },
    agents: [defineAgent({ id: 'main', model: 'bench/short' })],
    services: { logger: silentLogger },
    store,
    ...(cluster && { cluster }),
  }).start()
  const measuring = new Measuring(claw, cluster)
  process.on('message', (what) => {
    measuring.measure(what as Measurement).then(
      (numbers) => process.send?.(numbers),
      (error: unknown) => process.send?.(String(error)),
    )
  })
  process.once('disconnect', () => process.exit(0))
  process.send?.([])
}
