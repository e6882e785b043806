/** `beamclaw start --workers`: the process above the workers, each of which is a gateway on the same port. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BeamClawError, type Logger } from '@beamclaw/core'
import { WorkerParent } from '@beamclaw/workers'
import { ClientError } from '../client/client-error.ts'
import type { Settings } from '../config/settings.ts'

export interface StartWorkers {
  readonly settings: Settings
  readonly workers: number | 'auto'
  readonly logger: Logger
  /** Milliseconds that a worker may take to end after the signal. */
  readonly stopMs: number
  /** Resolves at the first signal to stop. */
  readonly signal: () => Promise<void>
}

/** Runs the workers until a signal comes, then has all of them drain. Rejects `restart-limit` when they die too often, and `invalid-option` for a port or a directory. */
export async function startWorkers({ settings, workers, logger, stopMs, signal }: StartWorkers): Promise<void> {
  const { host, store } = settings
  if (store.type !== 'fs' || store.path === undefined) throw new BeamClawError('internal', 'Workers need a data directory')
  const port = await freePort(host, settings.port)
  const entry = process.argv[1] ?? fileURLToPath(new URL('../bin.js', import.meta.url))
  const args = [...process.argv.slice(2), '--port', String(port)]
  const { lockWaitMs = 0 } = store
  const parent = new WorkerParent({ path: store.path, entry, args, workers, lockWaitMs, logger })
  // A second signal ends this process at once: no worker is to drain on without it.
  process.once('exit', () => endAll(parent.pids))
  await parent.start()
  logger.log('info', 'workers.started', { workers: parent.count, port, pids: parent.pids.join(',') })
  try {
    await Promise.race([parent.ended, signal()])
    logger.log('info', 'workers.draining', { drainMs: settings.drainMs })
  } finally {
    await parent.stop({ timeoutMs: stopMs })
    logger.log('info', 'workers.stopped')
  }
}

function endAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
}

/** Resolves with the port for all workers, which no program uses now; rejects where several processes cannot share one. */
async function freePort(host: string, wanted: number): Promise<number> {
  const port = await eventually({ host, port: wanted, reusePort: false })
  return await tried({ host, port, reusePort: true })
}

/** Workers whose parent was killed drain for a moment before they leave the port. */
const portWaitMs = 5_000
const portPauseMs = 100

async function eventually(options: Parameters<typeof tried>[0]): Promise<number> {
  const until = performance.now() + portWaitMs
  for (;;) {
    try {
      return await tried(options)
    } catch (error) {
      const isTaken = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
      if (!isTaken || performance.now() > until) throw error
      await sleep(portPauseMs)
    }
  }
}

async function tried(options: { readonly host: string; readonly port: number; readonly reusePort: boolean }): Promise<number> {
  const server = createServer()
  try {
    server.listen(options)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const where = `${options.host}:${options.port}`
    const problem = options.reusePort
      ? `this system lets no two processes listen on ${where} (${code}); start without workers`
      : `cannot listen on ${where} (${code}); use another port with --port`
    throw new ClientError('invalid-option', problem, error)
  } finally {
    server.close()
  }
}
