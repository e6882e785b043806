/** Checks the Redis of the configuration: whether a gateway could use it, what it may lose, and who uses it now. Changes nothing there. */
import { BeamClawError } from '@beamclaw/core'
import type { RedisInspection } from '@beamclaw/store-redis'
import { adapterProblem } from '../../config/adapter-problem.ts'
import type { Settings } from '../../config/settings.ts'
import { redisConnection } from '../../configured-store.ts'
import { visible } from '../../output.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

type ReachedRedis = Extract<RedisInspection, { readonly isReached: true }>
type UnreachedRedis = Extract<RedisInspection, { readonly isReached: false }>

export async function checkRedis({ store, cluster, variables }: Settings): Promise<readonly Finding[]> {
  if (store.type !== 'redis') return []
  const address = variables['store.url'] ?? 'store.url'
  try {
    const { inspectRedis } = await import('@beamclaw/store-redis')
    const { deadlineMs } = store
    const found = await inspectRedis({ ...redisConnection(store), ...(deadlineMs === undefined ? {} : { deadlineMs }) })
    if (found.isReached) return findingsOf(found, cluster.nodeId)
    return [problem('redis', visible(reasonIn(found.error)), adviceFor(found, address))]
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-option')) throw error
    const { path, text } = adapterProblem(['store'], store, error)
    const named = path.join('.')
    return [problem('redis', text, `correct ${variables[named] ?? named}`)]
  }
}

function adviceFor({ error, mayComeBack }: UnreachedRedis, address: string): string {
  const { connection, isOfSentinel, reply } = error.details
  const start = `start Redis, or correct ${address}; beamclaw start waits for it`
  // TLS that does not fit has a remedy of its own, which the store knows.
  if (connection !== undefined) return told(error.message, start).advice
  if (mayComeBack) return start
  if (isOfSentinel === true) return 'correct store.sentinelUsername and store.sentinelPassword'
  if (reply === 'NOPERM') return 'give the user these rights with ACL SETUSER, or use another login'
  return 'correct the login, in the address or as store.username and store.password'
}

/** Settings of a server that have a finding of their own, by what refuses it. */
const placeOf: Readonly<Record<string, string>> = { 'maxmemory-policy': 'redis eviction', prefix: 'redis store', format: 'redis store' }

function findingsOf(found: ReachedRedis, nodeId: string | undefined): readonly Finding[] {
  const { where, version, evictionPolicy, storeId, refusal } = found
  const refused = refusal === undefined ? undefined : refusedAt(refusal)
  const good = [
    { ...ok('redis', `version ${visible(version)} at ${visible(where)}`), facts: { version } },
    ok('redis eviction', visible(evictionPolicy)),
    ok('redis store', storeId === undefined ? 'none yet; the first start gives it an id' : `its id is ${visible(storeId)}`),
  ]
  const [server, eviction, store] = good.map((finding) => (finding.name === refused?.name ? refused : finding)) as [
    Finding,
    Finding,
    Finding,
  ]
  return [server, eviction, ...durabilityOf(found), store, nodesOf(found, nodeId)]
}

function refusedAt({ code, message, details }: BeamClawError): Finding {
  const name = code === 'store-replaced' ? 'redis store' : (placeOf[String(details.check)] ?? 'redis')
  const { detail, advice } = told(message, 'correct the address, or the server')
  return problem(name, detail, advice)
}

function durabilityOf({ risks }: ReachedRedis): readonly Finding[] {
  if (risks.length === 0) return [ok('redis durability', 'append-only file, synced for each write')]
  return risks.map((risk) => {
    const { detail, advice } = told(risk, 'let this user run CONFIG GET, or see to appendfsync always yourself')
    return warning('redis durability', detail, advice)
  })
}

function nodesOf({ nodes }: ReachedRedis, nodeId: string | undefined): Finding {
  if (nodes.length === 0) return ok('redis nodes', 'none is up')
  const names = nodes.map(({ id, state }) => (state === 'up' ? id : `${id} (${state})`)).join(', ')
  const isOwn = nodes.some(({ id }) => id === nodeId)
  return ok('redis nodes', `${names}${isOwn ? `; a second gateway with the name ${nodeId} would be refused` : ''}`)
}

/** Splits a message of the store, which ends with the sentence that says what to do. */
function told(message: string, otherwise: string): { readonly detail: string; readonly advice: string } {
  const [, detail = message, advice = otherwise] = /^(.*?)\. (.*)$/s.exec(message) ?? []
  return { detail: visible(detail), advice: visible(advice) }
}

/** Returns why a server was not reached, without how long that took and what to do. */
function reasonIn({ message }: BeamClawError): string {
  return told(message, '').detail.replace(/; waited \d+ ms.*$/, '')
}
