/** What a server says about itself, and what of it the store refuses or warns of. */
import { refusedServer } from './failures.ts'
import type { BareClient } from './redis-link.ts'

/** The facts that matter for the store's promises. */
export interface ServerFacts {
  readonly version: string
  /** Another one after each start of the server. */
  readonly runId: string
  readonly isPrimary: boolean
  readonly isCluster: boolean
  readonly evictionPolicy: string
  readonly hasAppendOnlyFile: boolean
  /** `always`, `everysec` or `no`; undefined when the server does not tell. */
  readonly appendFsync: string | undefined
}

/** Reads the facts of the server at the other end. */
export async function readServerFacts(bare: BareClient): Promise<ServerFacts> {
  const info = new Map<string, string>()
  for (const line of String(await bare.send(['INFO'])).split('\r\n')) {
    const at = line.indexOf(':')
    if (at > 0) info.set(line.slice(0, at), line.slice(at + 1))
  }
  const hasAppendOnlyFile = info.get('aof_enabled') === '1'
  return {
    version: info.get('redis_version') ?? '0',
    runId: info.get('run_id') ?? '',
    isPrimary: info.get('role') !== 'slave',
    isCluster: info.get('cluster_enabled') === '1',
    evictionPolicy: info.get('maxmemory_policy') ?? 'unknown',
    hasAppendOnlyFile,
    appendFsync: hasAppendOnlyFile ? await readSetting(bare, 'appendfsync') : undefined,
  }
}

/** Resolves with `min-replicas-to-write`; undefined when the server does not tell. */
export async function readReplicasToWrite(bare: BareClient): Promise<number | undefined> {
  const text = await readSetting(bare, 'min-replicas-to-write')
  return text === undefined ? undefined : Number(text)
}

/** Services that run Redis for others often refuse CONFIG. */
async function readSetting(bare: BareClient, name: string): Promise<string | undefined> {
  const reply = await bare.send(['CONFIG', 'GET', name]).catch(() => undefined)
  if (Array.isArray(reply)) return reply[1] === undefined ? undefined : String(reply[1])
  const value = (reply as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  return value === undefined ? undefined : String(value)
}

const oldest = [6, 2] as const

/** Throws `store-io` for a server on which the store cannot keep its promises, with what to do. */
export function checkServer(
  { version, isPrimary, isCluster, evictionPolicy }: ServerFacts,
  kind: 'single' | 'sentinel' | 'cluster' = 'single',
): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw refusedServer('version', `Redis has version ${version}; the store needs ${oldest.join('.')} or later. Update the server`)
  }
  if (isCluster && kind !== 'cluster') {
    const advice = 'Name its servers as redis+cluster://host:port,host:port'
    throw refusedServer('cluster', `The server is part of a Redis Cluster, which the address does not say. ${advice}`)
  }
  if (!isCluster && kind === 'cluster') {
    throw refusedServer('cluster', 'The server is not part of a Redis Cluster. Name it as redis://host:port')
  }
  if (!isPrimary) throw refusedServer('replica', 'The server is a read-only replica. Name the primary in the options')
  if (evictionPolicy === 'noeviction') return
  const problem = `Redis may evict sessions: maxmemory-policy is "${evictionPolicy}"`
  throw refusedServer('maxmemory-policy', `${problem}, expected "noeviction". Run: redis-cli CONFIG SET maxmemory-policy noeviction`)
}

/** A risk that the store takes, for the log. */
export interface ServerWarning {
  readonly event: string
  readonly problem: string
}

/** Returns what a failover may lose; undefined when a replica confirms each write. `replicas` is `min-replicas-to-write`. */
export function replicaWarning(replicas: number | undefined): ServerWarning | undefined {
  if (replicas !== undefined && replicas > 0) return undefined
  const setting = replicas === undefined ? 'does not tell its "min-replicas-to-write"' : 'has "min-replicas-to-write" 0'
  const advice = 'Run on each server: redis-cli CONFIG SET min-replicas-to-write 1, and min-replicas-max-lag 1'
  const problem = `Redis ${setting}: a failover may lose what the new primary had not received. ${advice}`
  return { event: 'store-redis.no-replicas', problem }
}

/** Returns what an acknowledged append may be lost by; undefined when each is on the disk. */
export function durabilityWarning({ hasAppendOnlyFile, appendFsync }: ServerFacts): ServerWarning | undefined {
  if (!hasAppendOnlyFile) {
    const problem =
      'Redis writes no append-only file: a restart of the server loses all since its last snapshot. Run: redis-cli CONFIG SET appendonly yes'
    return { event: 'store-redis.no-aof', problem }
  }
  if (appendFsync === 'always') return undefined
  if (appendFsync === undefined) {
    return {
      event: 'store-redis.fsync-unknown',
      problem: 'Redis does not tell its "appendfsync"; anything but "always" may lose acknowledged appends',
    }
  }
  const lost = appendFsync === 'everysec' ? 'about one second of acknowledged appends' : 'acknowledged appends of half a minute'
  const problem = `Redis has appendfsync "${appendFsync}": a crash of its machine loses ${lost}. Run: redis-cli CONFIG SET appendfsync always`
  return { event: 'store-redis.fsync', problem }
}
