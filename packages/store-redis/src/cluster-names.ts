/** The names of a cluster's keys and channels in Redis. */
import { escaped } from './key-names.ts'

/** All of one cluster. Keys that one script uses have no common slot: the scripts need a single primary. */
export interface ClusterNames {
  /** Sorted set: incarnation → the time by the server's clock at which its membership ends. */
  readonly nodes: string
  /** Hash: incarnation → id of its node and member record. */
  readonly members: string
  /** Channel that tells the nodes to look at the members. */
  readonly changes: string
  /** What the names of the incarnations' channels begin with. */
  readonly channels: string
  /** Channel of one life of a node. */
  channel(incarnation: string): string
  /** String: a message that is too large for a channel. */
  parcel(id: string): string
  /** Hash of a key: who owns it, its last epoch, and to whom it was handed over. */
  owner(key: string): string
}

/** Returns the names under a prefix. */
export function clusterNames(prefix: string): ClusterNames {
  const channels = `${prefix}:b:`
  return {
    nodes: `${prefix}:nodes`,
    members: `${prefix}:members`,
    changes: `${prefix}:changes`,
    channels,
    channel: (incarnation) => channels + incarnation,
    parcel: (id) => `${prefix}:parcel:${id}`,
    owner: (key) => `${prefix}:{o/${escaped(key)}}:o`,
  }
}
