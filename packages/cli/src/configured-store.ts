/** Makes the store and the cluster of a gateway from its settings. */
import { readFileSync } from 'node:fs'
import { BeamClawError, type Cluster, type Logger, MemoryStore, type Store } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { FsStore } from '@beamclaw/store-fs'
import type { Settings } from './config/settings.ts'

export interface ConfiguredStore {
  readonly store: Store
  /** Undefined for a gateway that is alone with its store. */
  readonly cluster: Cluster | undefined
}

/** Resolves with both; nothing is opened or connected yet. Rejects `invalid-option`. */
export async function configuredStore({ store, cluster }: Pick<Settings, 'store' | 'cluster'>, logger: Logger): Promise<ConfiguredStore> {
  if (store.type === 'memory') return { store: new MemoryStore(), cluster: undefined }
  if (store.type === 'fs') {
    const { type: _, path = '', ...options } = store
    return { store: new FsStore({ path, ...options }), cluster: undefined }
  }
  const { type: _, caFile, certFile, keyFile, servername, storeId, deadlineMs, startWaitMs: _1, ...server } = store
  const { RedisCluster, RedisStore } = await import('@beamclaw/store-redis')
  const files = Object.entries({ ca: caFile, cert: certFile, key: keyFile }).flatMap(([name, file]) =>
    file === undefined ? [] : [[name, contentOf(`${name}File`, file)] as const],
  )
  const tls = { ...Object.fromEntries(files), ...(servername === undefined ? {} : { servername }) }
  const connection = { ...server, logger, ...(Object.keys(tls).length === 0 ? {} : { tls }) }
  return {
    store: new RedisStore({ ...connection, ...definedOnly({ storeId, deadlineMs }) }),
    cluster: new RedisCluster({ ...connection, ...cluster }),
  }
}

function contentOf(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new BeamClawError('invalid-option', `RedisStore: "${option}" must name a file that can be read`, { cause, details: { option } })
  }
}
