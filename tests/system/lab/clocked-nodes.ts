/** Several nodes in one process whose time a test moves: a BeamClaw each, over one store and one network in memory. */
import {
  BeamClaw,
  type BeamClawOptions,
  defineAgent,
  type Logger,
  MemoryStore,
  type RunningBeamClaw,
  type Store,
  type Tool,
} from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { type MemoryCluster, MemoryNetwork, ScriptedProvider, textAnswer } from '@beamclaw/testkit'

/** Milliseconds after which the others take a node for dead. */
export const ttlMs = 6_000

/** Milliseconds after which a session without work leaves memory. */
const passivateAfterMs = 2_000

/** Milliseconds between two turns of what a test lets happen. */
const stepMs = 200

export interface ClockedNodeOptions {
  readonly answers?: NonNullable<ConstructorParameters<typeof ScriptedProvider>[0]>['answers']
  readonly tools?: readonly Tool[]
  /** The store as this node reaches it. @default that of all */
  readonly store?: Store
  /** @default two seconds without work until a session leaves memory */
  readonly sessions?: BeamClawOptions['sessions']
  /** @default `main` alone */
  readonly agents?: readonly string[]
  readonly logger?: Logger
}

export interface ClockedNode {
  readonly id: string
  readonly claw: RunningBeamClaw
  readonly cluster: MemoryCluster
}

export class ClockedNodes implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly network = new MemoryNetwork({ clock: this.clock, heartbeatMs: 500, ttlMs })
  readonly store = new MemoryStore()
  readonly #nodes: ClockedNode[] = []

  async add(
    id: string,
    { answers = () => textAnswer('heard'), tools = [], store = this.store, sessions, agents = ['main'], logger }: ClockedNodeOptions = {},
  ): Promise<ClockedNode> {
    const cluster = this.network.node(id)
    const claw = await new BeamClaw({
      providers: { test: new ScriptedProvider({ answers }) },
      agents: agents.map((agent) => defineAgent({ id: agent, model: 'test/model', tools })),
      // One node must not stop the store of the others.
      store: wrapStore(store, { stop: async () => {} }),
      cluster,
      sessions: { passivateAfterMs, ...sessions },
      services: { clock: this.clock, ...(logger === undefined ? {} : { logger }) },
    }).start()
    const node = { id, claw, cluster }
    this.#nodes.push(node)
    await this.pass(2_000)
    return node
  }

  /** Lets time pass, and what happens in it come to its end. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(stepMs)
      for (let turns = 0; turns < 8; turns++) await flushEventLoop()
    }
  }

  /** Resolves with what a call resolves with, and lets time pass until then. */
  async within<T>(ms: number, call: Promise<T>): Promise<T> {
    call.catch(() => {})
    await this.pass(ms)
    const late = new Error(`it took longer than ${ms} ms`)
    return Promise.race([call, flushEventLoop().then(() => Promise.reject(late))])
  }

  /** Ends a node as kill -9 does: nothing of it is told or written any more. */
  kill({ claw, cluster }: ClockedNode): void {
    cluster.kill()
    claw.kill()
  }

  /** Resolves with the name of a session that the cluster places there now, and that passes the filter. */
  async sessionAt(node: ClockedNode, isWanted: (key: string) => boolean = () => true): Promise<string> {
    for (let number = 1; ; number++) {
      const key = `agent:main:chat-${number}`
      const place = await node.cluster.locate(`default:${key}`)
      if (place.node.id === node.id && isWanted(key)) return key
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { claw, cluster } of this.#nodes) {
      cluster.kill()
      claw.kill()
    }
  }
}
