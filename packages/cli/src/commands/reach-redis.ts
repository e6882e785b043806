/** Waits for a Redis that cannot be reached, before anything starts that would use it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { BeamClawError, type Logger } from '@beamclaw/core'
import type { Settings } from '../config/settings.ts'
import { type RedisSettings, redisConnection } from '../configured-store.ts'

/** Milliseconds of the first wait; doubled each time, up to the longest. */
const firstWaitMs = 1_000
const longestWaitMs = 30_000

/**
 * Resolves with what `start` resolves with, which is called once Redis can be reached, and again when it is gone by then; without Redis, at once. Rejects `store-io` when
 * `startWaitMs` is over, after one attempt at least. Each attempt that fails is logged.
 */
export async function overRedis<T>({ store }: Pick<Settings, 'store'>, logger: Logger, start: () => Promise<T>): Promise<T> {
  if (store.type !== 'redis') return await start()
  const until = performance.now() + (store.startWaitMs ?? Number.POSITIVE_INFINITY)
  for (;;) {
    await reach(store, logger, until)
    try {
      return await start()
    } catch (error) {
      if (!isUnreached(error) || performance.now() > until) throw error
      logger.log('warn', 'store.unreachable', { error: error.message, retryAfterMs: 0 })
    }
  }
}

/** Resolves once the server has said something, also that it refuses the login: the start tells that better. */
async function reach(store: RedisSettings, logger: Logger, until: number): Promise<void> {
  const { inspectRedis, redisStoreDefaults } = await import('@beamclaw/store-redis')
  const { deadlineMs = redisStoreDefaults.deadlineMs } = store
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(longestWaitMs, 2 * waitMs)) {
    // A server that says nothing is reported soon, and then given more time.
    const found = await inspectRedis({ ...redisConnection(store), deadlineMs: Math.min(deadlineMs, waitMs) })
    if (found.isReached || !found.mayComeBack) return
    const retryAfterMs = Math.min(waitMs, Math.ceil(until - performance.now()))
    if (retryAfterMs <= 0) throw found.error
    logger.log('warn', 'store.unreachable', { error: found.error.message, retryAfterMs })
    await sleep(retryAfterMs)
  }
}

/** True for a server that could not be asked: what it refuses, it refuses again, and no wait makes a certificate trusted. */
function isUnreached(error: unknown): error is BeamClawError {
  if (!BeamClawError.isInstance(error, 'store-io')) return false
  const { isSent, check, connection } = error.details
  return isSent === false && check === undefined && connection !== 'certificate'
}
