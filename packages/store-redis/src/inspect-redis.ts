/** A look at a server that changes nothing there: whether a store and a cluster could use it, what it may lose, and who uses it now. */
import { BeamClawError, type Clock, type MemberState, SystemClock } from '@beamclaw/core'
import { anObjectWith, checkOptions, integer } from '@beamclaw/core/adapter'
import { clusterNames } from './cluster-names.ts'
import { isRefusedLogin, noAnswer, notReached, redisFailure, refusedConnection, replyCode } from './failures.ts'
import { storeName } from './key-names.ts'
import { decodeMember } from './member-record.ts'
import { type ConnectionOptions, checkOneWay, connectionRules, redisStoreDefaults, wayTo } from './options.ts'
import type { RedisClient, RedisReply } from './redis-client.ts'
import type { BareClient } from './redis-link.ts'
import { durabilityWarning, readReplicasToWrite, readServerFacts, replicaWarning } from './server-facts.ts'
import { StoreIdentity } from './store-identity.ts'

/** Options of `inspectRedis`: those that lead to the server are as those of `RedisStore`. */
export interface InspectRedisOptions extends ConnectionOptions {
  /** Milliseconds for the whole look. @default 5000 */
  readonly deadlineMs?: number
  /** Times the deadline. @default the machine's clock */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** A live node of the cluster under the prefix. */
export interface InspectedNode {
  readonly id: string
  readonly state: MemberState
}

/** What a look at a server has found. `where` is its address without a password. */
export type RedisInspection =
  | {
      readonly isReached: false
      readonly where: string
      /** Why; `store-io`. */
      readonly error: BeamClawError
      /** False where no wait helps: the login was refused, the certificate is not trusted, or the server is too old. */
      readonly mayComeBack: boolean
    }
  | {
      readonly isReached: true
      readonly where: string
      readonly version: string
      readonly evictionPolicy: string
      readonly hasAppendOnlyFile: boolean
      /** `always`, `everysec` or `no`; undefined without an append-only file, and where the server does not tell. */
      readonly appendFsync: string | undefined
      /** The id of the store under the prefix; undefined where there is none yet. */
      readonly storeId: string | undefined
      /** Why a store would refuse the server, `store-io` or `store-replaced`; undefined when it would not. */
      readonly refusal: BeamClawError | undefined
      /** What may be lost there, with what to do. */
      readonly risks: readonly string[]
      readonly nodes: readonly InspectedNode[]
    }

/**
 * Resolves with what a server says, after one attempt to reach it. An empty server stays empty: it gets no id. Rejects `invalid-option` alone.
 *
 * @example
 * const found = await inspectRedis({ url: 'redis://localhost:6379' })
 * console.log(found.isReached ? found.risks : found.error.message)
 */
export async function inspectRedis(options: InspectRedisOptions): Promise<RedisInspection> {
  checkOptions<InspectRedisOptions>('inspectRedis', options, {
    ...connectionRules,
    deadlineMs: integer(10),
    clock: anObjectWith('setTimer'),
  })
  checkOneWay('inspectRedis', options)
  const { deadlineMs = redisStoreDefaults.deadlineMs, clock = new SystemClock(), storeId } = options
  const { client, where, keyPrefix: prefix, kind } = wayTo(options, deadlineMs)
  const expired = Promise.withResolvers<never>()
  expired.promise.catch(() => undefined)
  const state = { isConnected: false }
  const timer = clock.setTimer(() => {
    const failed = state.isConnected ? noAnswer(doing, deadlineMs) : notReached(where, doing, deadlineMs, undefined)
    expired.reject(failed)
  }, deadlineMs)
  try {
    await Promise.race([connected(client, where), expired.promise])
    state.isConnected = true
    return { isReached: true, where, ...(await Promise.race([look(client, { prefix, kind, storeId }), expired.promise])) }
  } catch (error) {
    const cause = BeamClawError.isInstance(error) ? error.cause : error
    // A refusal names what it refuses.
    const { check, connection } = BeamClawError.isInstance(error) ? error.details : {}
    const isRefused = isRefusedLogin(cause) || check !== undefined || connection === 'certificate'
    return { isReached: false, where, error: redisFailure(error, doing, prefix), mayComeBack: !isRefused }
  } finally {
    timer.cancel()
    await client.stop()
  }
}

const doing = 'looking at the server'

/** Resolves at the first connection, and rejects at the first failure. */
function connected(client: RedisClient, where: string): Promise<void> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    client.onReconnect((trouble) => {
      if (trouble === undefined) return resolve()
      const waitedMs = Math.round(performance.now() - startedAt)
      reject(refusedConnection(where, trouble) ?? notReached(where, doing, waitedMs, trouble))
    })
  })
}

interface Looked {
  readonly prefix: string
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly storeId: string | undefined
}

async function look(client: RedisClient, { prefix, kind, storeId: expectedId }: Looked) {
  const facts = await readServerFacts(client)
  const { version, evictionPolicy, hasAppendOnlyFile, appendFsync } = facts
  const risks = [durabilityWarning(facts), kind === 'single' ? undefined : replicaWarning(await readReplicasToWrite(client))]
  const stored = await storedIdentity(client, storeName(prefix))
  // Its only script, which identifies the store and gives an empty one an id, is answered with what is there.
  const bare: BareClient = { send: (command, options) => client.send(command, options), script: async () => stored }
  const identity = new StoreIdentity({ prefix, kind, expectedId, logger: undefined, onReplaced: () => {} })
  return {
    version,
    evictionPolicy,
    hasAppendOnlyFile,
    appendFsync,
    storeId: typeof stored[1] === 'string' ? stored[1] : undefined,
    refusal: await refusalOf(identity.check(bare)),
    risks: risks.flatMap((risk) => (risk === undefined ? [] : [risk.problem])),
    nodes: await nodesOf(client, prefix),
  }
}

/** Resolves with why a check refuses the server. Rejects as the connection does. */
async function refusalOf(check: Promise<void>): Promise<BeamClawError | undefined> {
  try {
    await check
    return undefined
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error
    throw error
  }
}

/** Resolves with application, id and format of the store, as its script returns them. */
async function storedIdentity(client: RedisClient, name: string): Promise<readonly RedisReply[]> {
  try {
    const stored = (await client.send(['HMGET', name, 'app', 'id', 'format'])) as readonly RedisReply[]
    if (stored[0] !== null || stored[1] !== null || (await client.send(['EXISTS', name])) === 0) return stored
  } catch (error) {
    if (replyCode(error) !== 'WRONGTYPE') throw error
  }
  return ['another application', null, null]
}

async function nodesOf(client: RedisClient, prefix: string): Promise<readonly InspectedNode[]> {
  const names = clusterNames(prefix)
  const [seconds, microseconds] = (await client.send(['TIME'])) as readonly RedisReply[]
  const nowMs = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
  const live = (await client.send(['ZRANGEBYSCORE', names.nodes, `(${nowMs}`, '+inf'])) as readonly RedisReply[]
  if (live.length === 0) return []
  const records = (await client.send(['HMGET', names.members, ...live.map(String)])) as readonly RedisReply[]
  const nodes: InspectedNode[] = []
  for (const text of records) {
    const record = decodeMember(text)
    if (record?.isMember === true) nodes.push({ id: record.id, state: record.state })
  }
  return nodes.sort((a, b) => (a.id < b.id ? -1 : 1))
}
