/** Makes the store and the cluster of a gateway from its settings. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BeamClawError, type Cluster, type Logger, MemoryStore, type Store } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { FsStore } from '@beamclaw/store-fs'
import type { RedisStoreOptions } from '@beamclaw/store-redis'
import { inSection } from './config/in-section.ts'
import type { Settings } from './config/settings.ts'

export interface ConfiguredStore {
  readonly store: Store
  /** Undefined for a gateway that is alone with its store. */
  readonly cluster: Cluster | undefined
  /** Resolves when the parent of this worker has ended; undefined for a gateway that is no worker. */
  readonly orphaned?: Promise<void>
}

/** The section `store` with the type `redis`. */
export type RedisSettings = Extract<Settings['store'], { readonly type: 'redis' }>

/** Resolves with both; nothing is opened or connected yet. Rejects `invalid-option`, whose option begins with its section, `store` or `cluster`. */
export async function configuredStore({ store, cluster }: Pick<Settings, 'store' | 'cluster'>, logger: Logger): Promise<ConfiguredStore> {
  if (store.type === 'memory') return { store: new MemoryStore(), cluster: undefined }
  if (store.type === 'fs') return await inSection('store', () => storeOnDisk(store, logger))
  const { RedisCluster, RedisStore, redisClusterDefaults } = await import('@beamclaw/store-redis')
  const connection = await inSection('store', () => ({ ...redisConnection(store), logger }))
  const { deadlineMs } = store
  const redisStore = await inSection('store', () => new RedisStore({ ...connection, ...definedOnly({ deadlineMs }) }))
  const { ttlMs = redisClusterDefaults.ttlMs } = cluster
  // A node that waits longer for one command than it may be silent could not tell in time that it is alive.
  const clusterDeadlineMs = deadlineMs === undefined ? undefined : Math.min(deadlineMs, Math.max(10, Math.floor(ttlMs / 3)))
  const options = { ...connection, ...cluster, ...definedOnly({ deadlineMs: clusterDeadlineMs }) }
  return { store: redisStore, cluster: await inSection('cluster', () => new RedisCluster(options)) }
}

/** Returns the options of `@beamclaw/store-redis` that lead to the server. Throws `invalid-option` for a file that cannot be read. */
export function redisConnection(settings: RedisSettings): ConnectionSettings {
  const { type: _, caFile, certFile, keyFile, servername, deadlineMs: _1, startWaitMs: _2, ...server } = settings
  const files = Object.entries({ ca: caFile, cert: certFile, key: keyFile }).flatMap(([name, file]) =>
    file === undefined ? [] : [[name, contentOf(`${name}File`, file)] as const],
  )
  const tls = { ...Object.fromEntries(files), ...(servername === undefined ? {} : { servername }) }
  return { ...server, ...(Object.keys(tls).length === 0 ? {} : { tls }) }
}

type ConnectionSettings = Pick<
  RedisStoreOptions,
  'url' | 'username' | 'password' | 'sentinelUsername' | 'sentinelPassword' | 'tls' | 'prefix' | 'storeId'
>

/** Milliseconds that a worker waits for the lock of a shard: the process that had it is ending. */
const shardLockWaitMs = 10_000

async function storeOnDisk(
  { type: _, path = '', ...options }: Extract<Settings['store'], { readonly type: 'fs' }>,
  logger: Logger,
): Promise<ConfiguredStore> {
  const { isSharded, ShardedStore, shardPath, WorkerCluster } = await import('@beamclaw/workers')
  if (!WorkerCluster.isChild) {
    if (!isSharded(path)) return { store: new FsStore({ path, ...options }), cluster: undefined }
    const advice = 'Start it with --workers 1 or more, or name another directory'
    throw new BeamClawError('invalid-option', `FsStore: "path" is a directory that workers have split into shards. ${advice}`)
  }
  const cluster = WorkerCluster.child({ logger })
  const openShard = (shard: number): Store => new FsStore({ lockWaitMs: shardLockWaitMs, ...options, path: shardPath(path, shard) })
  const store = new ShardedStore({ network: cluster.shards, openShard })
  return { store, cluster, orphaned: cluster.orphaned }
}

function contentOf(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException
    const tried = `${resolve(file)} was tried (${code}); a relative path begins at the working directory`
    throw new BeamClawError('invalid-option', `RedisStore: "${option}" must name a file that can be read: ${tried}`, {
      cause,
      details: { owner: 'RedisStore', option },
    })
  }
}
