/** Workers of one parent in this process: the parts of both sides are the real ones, and a port stands for the channel. */
import { randomUUID } from 'node:crypto'
import { type NodeRef, parseNodeId } from '@beamclaw/core'
import type { Hub } from '../hub.ts'
import { WorkerCluster } from '../worker-cluster.ts'
import { portLine } from './port-line.ts'

export interface TestWorker {
  readonly cluster: WorkerCluster
  /** Ends it as `kill -9` does. */
  readonly kill: () => void
}

/** Starts workers that a hub gives its shards to, all at once. */
export function startWorkers(hub: Hub, ...ids: string[]): readonly TestWorker[] {
  const started = ids.map((id) => {
    const ref: NodeRef = { id: parseNodeId(id), incarnation: `${id}-${randomUUID().slice(0, 8)}` }
    const { ends, cut } = portLine()
    return { ref, line: ends[0], cut, cluster: new WorkerCluster({ line: ends[1], self: ref }) }
  })
  const connections = hub.connect(started)
  return started.map(({ line, cluster, cut }, index) => {
    const connection = connections[index]
    line.listen(
      (message) => connection?.hear(message),
      () => connection?.ended(),
    )
    return { cluster, kill: cut }
  })
}
