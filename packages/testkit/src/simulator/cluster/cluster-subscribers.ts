/** The subscribers of the sessions of a cluster, each at whichever node it reaches, over the ends of nodes and of streams. */
import type { DurableHistory } from '../durable-history.ts'
import { Subscriber } from '../subscriber.ts'
import type { Trace } from '../trace.ts'
import type { SimulatedNode } from './simulated-node.ts'

export interface ClusterSubscribersOptions {
  readonly trace: Trace
  readonly history: DurableHistory
  /** Returns a node that can be called; undefined while there is none. */
  readonly pick: () => SimulatedNode | undefined
  readonly wait: (ms: number) => Promise<void>
}

interface Follower {
  readonly name: string
  readonly subscriber: Subscriber
  readonly ended: AbortController
  at: SimulatedNode | undefined
}

export class ClusterSubscribers {
  readonly #options: ClusterSubscribersOptions
  readonly #followers: Follower[] = []

  constructor(options: ClusterSubscribersOptions) {
    this.#options = options
  }

  /** Has one more listen to a session from a record on, until it leaves. */
  add(session: string, fromSeq: number): void {
    const { trace, history } = this.#options
    const name = `subscriber-${this.#followers.length + 1}`
    trace.add(`${name} listens to ${session} from ${fromSeq} on`)
    const follower: Follower = {
      name,
      subscriber: new Subscriber({ name, session, fromSeq, trace, history }),
      ended: new AbortController(),
      at: undefined,
    }
    this.#followers.push(follower)
    void this.#follow(follower)
  }

  leaveOne(): void {
    const follower = this.#followers.find(({ subscriber }) => !subscriber.hasLeft)
    if (follower !== undefined) this.#leave(follower)
  }

  leaveAll(): void {
    for (const follower of this.#followers) this.#leave(follower)
  }

  /** Fails for each that misses something that is durable. */
  checkAll(): void {
    const { trace, history } = this.#options
    for (const { name, subscriber, at } of this.#followers) {
      const { session, nextSeq, hasLeft } = subscriber
      const wanted = history.recordsOf(session).length
      if (!hasLeft && nextSeq < wanted + 1)
        trace.fail('I7', `${name} of ${session}, at ${at?.id ?? 'no node'}, was told of ${nextSeq - 1} of ${wanted} records`)
    }
  }

  #leave({ subscriber, ended }: Follower): void {
    subscriber.leave()
    ended.abort()
  }

  /** Comes back for the rest when its stream has ended, at another node perhaps. */
  async #follow(follower: Follower): Promise<void> {
    const { pick, wait, trace } = this.#options
    const { subscriber, ended, name } = follower
    while (!subscriber.hasLeft) {
      const node = pick()
      follower.at = node
      if (node?.running !== undefined) {
        trace.add(`${name} listens at ${node.id}`)
        await Promise.race([subscriber.listen(node.running, ended.signal), node.ended])
      }
      await wait(200)
    }
  }
}
