/** Where a gateway keeps its sessions, and how it shares them: the sections `store`, `cluster` and `workers`, from all sources together. */
import { ConfigError } from './config-error.ts'
import type { Environment } from './load.ts'
import { numberFlag } from './number-flag.ts'
import type { Config } from './schema.ts'
import type { Settings, SettingsFlags } from './settings.ts'

/** Defaults for the section `store`. */
export const storeDefaults = {
  dataDir: './data',
  redisUrl: 'redis://localhost:6379',
} as const

/** The settings that say where sessions are. */
export type StoreSettings = Pick<Settings, 'store' | 'cluster' | 'variables'>

/** Returns them. Throws `ConfigError` for a flag or a variable that cannot be used. */
export function storeSettings(config: Config, environment: Environment, flags: SettingsFlags): StoreSettings {
  const { BEAMCLAW_REDIS_URL: url = '', BEAMCLAW_NODE_ID: nodeId = '' } = environment
  if (nodeId !== '' && !/^[a-z0-9][a-z0-9_-]{0,63}$/.test(nodeId))
    throw new ConfigError(['BEAMCLAW_NODE_ID: expected 1 to 64 of a-z, 0-9, "_" and "-", with a letter or digit first'])
  const variables = {
    ...(url === '' ? {} : { 'store.url': 'BEAMCLAW_REDIS_URL' }),
    ...(nodeId === '' ? {} : { 'cluster.nodeId': 'BEAMCLAW_NODE_ID' }),
  }
  const cluster = { ...config.cluster, ...(nodeId === '' ? {} : { nodeId }) }
  return { store: storeFrom(config, environment, flags), cluster, variables }
}

function storeFrom({ store }: Config, environment: Environment, flags: SettingsFlags): Settings['store'] {
  const dataDir = flags.dataDir ?? (environment.BEAMCLAW_DATA_DIR || undefined)
  const lockWaitSeconds = numberFlag('--lock-wait', flags.lockWait, 86_400)
  if (store?.type === 'redis') {
    if (flags.dataDir === undefined) {
      const url = environment.BEAMCLAW_REDIS_URL || (store.url ?? storeDefaults.redisUrl)
      return { ...store, url, ...(lockWaitSeconds === undefined ? {} : { startWaitMs: lockWaitSeconds * 1_000 }) }
    }
    throw new ConfigError([
      '--data-dir: the configuration keeps everything in Redis (store.type); leave the flag out, or use another configuration',
    ])
  }
  checkNoRedis(store?.type ?? 'fs', environment, flags)
  if (store?.type === 'memory' && dataDir === undefined) return store
  const fs = store?.type === 'fs' ? store : { type: 'fs' as const }
  const lockWaitMs = lockWaitSeconds === undefined ? fs.lockWaitMs : lockWaitSeconds * 1_000
  return { ...fs, path: dataDir ?? fs.path ?? storeDefaults.dataDir, ...(lockWaitMs === undefined ? {} : { lockWaitMs }) }
}

/** An address of Redis that nothing uses would leave each machine alone with files of its own. A flag that names those files says what is meant. */
function checkNoRedis(type: 'fs' | 'memory', { BEAMCLAW_REDIS_URL: url = '' }: Environment, { dataDir }: SettingsFlags): void {
  if (url === '' || dataDir !== undefined) return
  const advice = 'write store: redis into the configuration file, or unset the variable'
  throw new ConfigError([`BEAMCLAW_REDIS_URL: expected store.type "redis", received "${type}"; ${advice}`])
}

/** Returns the problems of sections that the store has no use for. */
export function storeProblems({ workers, store }: Pick<Settings, 'workers' | 'store'>, { cluster = {} }: Config): readonly string[] {
  const problems: string[] = []
  // Workers share a data directory. Nodes over Redis are processes of their own, and what is in memory belongs to one process.
  if (workers !== undefined && store.type !== 'fs')
    problems.push(`workers: expected store.type "fs", received "${store.type}"; start one gateway for each core over Redis instead`)
  const [key] = Object.keys(cluster)
  if (key !== undefined && store.type !== 'redis')
    problems.push(`cluster.${key}: expected store.type "redis", received "${store.type}"; write store: redis, or leave the section out`)
  return problems
}
