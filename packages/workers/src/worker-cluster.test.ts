import { clusterContract } from '@beamclaw/testkit'
import { describe, expect, it, test } from 'vitest'
import { Hub } from './hub.ts'
import { startWorkers } from './testing/workers.ts'
import type { WorkerCluster } from './worker-cluster.ts'

function makeCluster() {
  const hub = new Hub()
  const kills = new Map<string, () => void>()
  const make = (id: string): WorkerCluster => {
    const [worker] = startWorkers(hub, id)
    if (worker === undefined) throw new Error('no worker')
    kills.set(id, worker.kill)
    return worker.cluster
  }
  let others = 0
  return {
    cluster: make('worker-a'),
    async restart() {
      kills.get('worker-a')?.()
      return make('worker-a')
    },
    join: async () => make(`worker-${++others}`),
    kill: async (id: string) => kills.get(id)?.(),
    async dispose() {
      for (const kill of kills.values()) kill()
    },
  }
}

clusterContract('WorkerCluster', makeCluster, {
  describe,
  it,
  deadlineMs: 15_000,
  skip: {
    isolation: 'the channel between a parent and its worker ends only with one of the two, so no worker that runs is ever cut off',
  },
})

test('a worker says that a session is where its shard is, so that none is moved alone', async () => {
  const [worker] = startWorkers(new Hub(), 'worker-a')
  expect(worker?.cluster.hasFixedPlaces).toBe(true)
  worker?.kill()
})
