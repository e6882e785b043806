/** The search for a node that has the agent of a session: while a new configuration is rolled out, nodes differ. */
import type { Cluster, NodeRef } from '../ports/cluster.ts'

/** I1: each node is asked at most once for each search. */
export class AgentSearch {
  readonly #cluster: Pick<Cluster, 'self' | 'members'>
  readonly #hasHere: () => boolean
  readonly #asked = new Set<string>()
  #next: NodeRef | undefined

  /** @param hasHere returns true while this node has the agent. */
  constructor(cluster: Pick<Cluster, 'self' | 'members'>, hasHere: () => boolean) {
    this.#cluster = cluster
    this.#hasHere = hasHere
  }

  /** The node to ask, once; undefined for the one where the session is, or would be. */
  take(): NodeRef | undefined {
    const next = this.#next
    this.#next = undefined
    return next
  }

  /** Takes that a node lacks the agent. Returns false when there is none left to ask. This node comes first if it has the agent. */
  goOn(lacking: NodeRef): boolean {
    this.#asked.add(lacking.incarnation)
    const { self, members } = this.#cluster
    const isLeft = ({ incarnation }: NodeRef): boolean => !this.#asked.has(incarnation)
    const others = members.filter((member) => member.state === 'up' && member.incarnation !== self.incarnation && isLeft(member))
    this.#next = this.#hasHere() && isLeft(self) ? self : others[0]
    if (this.#next !== undefined) this.#asked.add(this.#next.incarnation)
    return this.#next !== undefined
  }
}
