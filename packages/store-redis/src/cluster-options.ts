/** The options of `RedisCluster`, their defaults and their rules. */
import { hostname } from 'node:os'
import { BeamClawError, type Clock, type Logger, type NodeId, parseNodeId } from '@beamclaw/core'
import { anObjectWith, checkOptions, definedOnly, integer, type OptionRule, text } from '@beamclaw/core/adapter'
import { type ConnectionOptions, checkOneWay, connectionRules } from './options.ts'

/** Options of `RedisCluster`: those that lead to the server are as those of `RedisStore`. A value out of its rule throws `invalid-option` in the constructor. */
export interface RedisClusterOptions extends ConnectionOptions {
  /** Names this node, and is the same after its next start. 1 to 64 of a-z, 0-9, `_` and `-`. @default made of the machine's host name */
  readonly nodeId?: string
  /** Milliseconds between two signs of life. @default 1000 */
  readonly heartbeatMs?: number
  /** Milliseconds without one after which the others take a node for dead; the node itself stops working after two thirds. The same in all nodes. @default 15000 */
  readonly ttlMs?: number
  /** What this node can carry beside the others: the load that is announced is divided by it. @default 1 */
  readonly weight?: number
  /** Milliseconds for one command, the wait for a connection included. @default a third of `ttlMs`, at most 5000 */
  readonly deadlineMs?: number
  /** Hears when the node is isolated and back, and of messages that were dropped. @default none */
  readonly logger?: Logger
  /** Times heartbeats and deadlines. @default the machine's clock */
  readonly clock?: Clock
}

/** Defaults for `RedisClusterOptions`. */
export const redisClusterDefaults = {
  prefix: 'beamclaw',
  heartbeatMs: 1_000,
  ttlMs: 15_000,
  weight: 1,
} as const satisfies Partial<RedisClusterOptions>

const aWeight: OptionRule = (value) => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? undefined : 'a number above 0')

/** Throws `invalid-option` for the first option that is unknown or against its rule, and for times that do not go together. */
export function checkRedisClusterOptions(options: RedisClusterOptions): void {
  checkOptions<RedisClusterOptions>('RedisCluster', options, {
    ...connectionRules,
    nodeId: text(64),
    heartbeatMs: integer(10, 3_600_000),
    ttlMs: integer(30, 86_400_000),
    weight: aWeight,
    deadlineMs: integer(10),
    logger: anObjectWith('log'),
    clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
  })
  checkOneWay('RedisCluster', options)
  const { heartbeatMs, ttlMs } = { ...redisClusterDefaults, ...definedOnly(options) }
  if (ttlMs >= 3 * heartbeatMs) return
  const problem = `RedisCluster: "ttlMs" is ${ttlMs}, expected at least three heartbeats of ${heartbeatMs} ms`
  throw new BeamClawError('invalid-option', problem, { details: { owner: 'RedisCluster', option: 'ttlMs' } })
}

/** Returns the id of this node; that of the machine when none is given. Throws `invalid-id`. */
export function nodeIdOf(given: string | undefined): NodeId {
  if (given !== undefined) return parseNodeId(given)
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[_-]+/, '')
  return parseNodeId(name.slice(0, 64) || 'node')
}
