/** What a followed topic needs of its node. */
import type { Clock } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { FollowedTopic } from './followed-topic.ts'

export interface Follower {
  readonly cluster: Cluster
  readonly clock: Clock
  /** True while the cluster has no other member. */
  readonly isAlone: boolean
  /** Returns whether the session that is granted under this key runs on this node for certain, so that the cluster need not be asked. */
  isHere(lease: string): boolean
  isSelf(node: NodeRef): boolean
  /** Returns the id under which the topic listens from now on. */
  listen(topic: FollowedTopic): number
  /** Ends an id, and tells its owner so. */
  leave(node: NodeRef, id: number): void
  /** Gives an event to the subscribers of this node. */
  deliver(topic: string, event: RunEvent): void
}
