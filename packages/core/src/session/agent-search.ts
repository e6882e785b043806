/** The search for a node that has the agent of a session: while a new configuration is rolled out, nodes differ. */
import type { Cluster, NodeRef } from '../ports/cluster.ts'

/** I1: each node is asked at most once for each search; this one is the last resort, where the work of the session waits for its agent. */
export class AgentSearch {
  readonly #cluster: Pick<Cluster, 'self' | 'members'>
  readonly #hasHere: () => boolean
  readonly #asked = new Set<string>()
  #next: NodeRef | undefined
  #isOver = false

  /** @param hasHere returns true while this node has the agent. */
  constructor(cluster: Pick<Cluster, 'self' | 'members'>, hasHere: () => boolean) {
    this.#cluster = cluster
    this.#hasHere = hasHere
  }

  /** True once no node has the agent. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The node to ask, once; undefined for the one where the session is, or would be. */
  take(): NodeRef | undefined {
    const next = this.#next
    this.#next = undefined
    return next
  }

  /** Takes that a node lacks the agent. Returns false when none is left to ask. This node comes first if it has the agent, and last if it has not. */
  goOn(lacking: NodeRef): boolean {
    if (this.#isOver) return false
    this.#asked.add(lacking.incarnation)
    const { self, members } = this.#cluster
    const isLeft = ({ incarnation }: NodeRef): boolean => !this.#asked.has(incarnation)
    const others = members.filter((member) => member.state === 'up' && member.incarnation !== self.incarnation && isLeft(member))
    const next = this.#hasHere() && isLeft(self) ? self : others[0]
    this.#isOver = next === undefined
    this.#next = next ?? self
    this.#asked.add(this.#next.incarnation)
    return true
  }
}
