/** Nodes of a cluster for tests, over a real server. */
import type { ClusterHost, JsonValue, MemberChange, NodeRef } from '@beamclaw/core'
import type { RedisClusterOptions } from '../cluster-options.ts'
import { RedisCluster } from '../redis-cluster.ts'

/** Times that are short enough for tests, and long enough for a busy machine. */
export const quick = { heartbeatMs: 100, ttlMs: 1_500, deadlineMs: 500 } as const

/** A host that keeps what it heard, and answers a request with `{ echo: body }`, or as `answer` does. */
export class HeardHost implements ClusterHost {
  readonly wire = [1, 1] as const
  readonly records = [1, 1] as const
  readonly tells: { readonly body: JsonValue; readonly from: NodeRef }[] = []
  readonly asked: { readonly body: JsonValue; readonly from: NodeRef }[] = []
  readonly changes: MemberChange[] = []
  readonly lives: (NodeRef | 'isolated')[] = []
  answer: (body: JsonValue, from: NodeRef) => Promise<JsonValue> = async (body) => ({ echo: body })

  onRequest(body: JsonValue, from: NodeRef): Promise<JsonValue> {
    this.asked.push({ body, from })
    return this.answer(body, from)
  }

  onTell(body: JsonValue, from: NodeRef): void {
    this.tells.push({ body, from })
  }

  onMembers(change: MemberChange): void {
    this.changes.push(change)
  }

  onIsolated(): void {
    this.lives.push('isolated')
  }

  onRejoined(self: NodeRef): void {
    this.lives.push(self)
  }

  get joined(): string[] {
    return this.changes.flatMap(({ joined }) => joined.map(({ incarnation }) => incarnation))
  }

  get left(): string[] {
    return this.changes.flatMap(({ left }) => left.map(({ incarnation }) => incarnation))
  }
}

/** A node that joined. */
export interface TestNode {
  readonly cluster: RedisCluster
  readonly host: HeardHost
}

/** Starts nodes, and stops them all. */
export class TestNodes {
  readonly #url: string
  readonly #prefix: string
  readonly #started: RedisCluster[] = []

  constructor(url: string, prefix: string) {
    this.#url = url
    this.#prefix = prefix
  }

  /** Makes a node that has not joined. */
  make(nodeId: string, options: Partial<RedisClusterOptions> = {}): RedisCluster {
    const cluster = new RedisCluster({ url: this.#url, prefix: this.#prefix, nodeId, ...quick, ...options })
    this.#started.push(cluster)
    return cluster
  }

  async join(nodeId: string, options: Partial<RedisClusterOptions> = {}): Promise<TestNode> {
    const cluster = this.make(nodeId, options)
    const host = new HeardHost()
    await cluster.join(host)
    return { cluster, host }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((cluster) => cluster.stop()))
  }
}

/** Resolves once the nodes see exactly each other. */
export async function allSee(...nodes: readonly TestNode[]): Promise<void> {
  const expected = nodes.map(({ cluster }) => cluster.self.incarnation).sort()
  await until('the nodes see each other', () =>
    nodes.every(({ cluster }) => {
      const seen = cluster.members.map(({ incarnation }) => incarnation).sort()
      return seen.join() === expected.join()
    }),
  )
}

/** Resolves once something holds. Rejects when it does not within 20 s: far more than any machine takes. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited 20 s until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
