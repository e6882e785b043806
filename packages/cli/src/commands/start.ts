/** `beamclaw start`: the standalone gateway. */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { BeamClawError, type Logger, type RunningBeamClaw } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import { Gateway, implementProcesses, implementSubAgents } from '@beamclaw/gateway-ws'
import { AssembledBeamClaw } from '../assemble.ts'
import { ClientError } from '../client/client-error.ts'
import { ConfigError } from '../config/config-error.ts'
import { LiveConfig } from '../config/live-config.ts'
import { configFile } from '../config/load.ts'
import { type Settings, type SettingsFlags, settingsFrom } from '../config/settings.ts'
import { createLogger, type LogFormat } from '../logging.ts'
import { version } from '../version.ts'
import { notWritable, writableAdvice } from './doctor/data-directory.ts'
import { overRedis } from './reach-redis.ts'
import { welcomeText } from './welcome.ts'

export interface StartFlags extends SettingsFlags {
  readonly config?: string
  readonly logFormat?: LogFormat
}

/** Milliseconds that the stop may take after the drain: the five seconds of the sessions, and two for what is left. */
const stopMs = 7_000

/** Milliseconds in which the gateway closes its connections after the drain. */
const closeMs = 1_500

/** Milliseconds after which the process ends, whatever hangs. */
const lastMs = 2_000

/** Milliseconds that runs of a worker without a parent may continue: the next parent waits for its shards. */
const orphanMs = 2_000

/** The worker that tells a person what to try first. */
const firstWorker = 'worker-1'

/** Milliseconds in which signals count as one: a terminal and a wrapper may both forward the same key press. */
const sameSignalMs = 200

export async function start(flags: StartFlags): Promise<void> {
  try {
    await run(flags)
  } finally {
    // The channel to the parent would keep a worker running that has nothing to do any more.
    if (process.connected) process.disconnect()
  }
}

async function run(flags: StartFlags): Promise<void> {
  const environment = process.env
  const format = flags.logFormat ?? logFormatFrom(environment.BEAMCLAW_LOG_FORMAT)
  // When the reader of the log closes its pipe, the gateway continues without logs.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const worker = await workerId()
  const logger = loggerOf(
    worker,
    createLogger(format, (line) => process.stdout.write(`${line}\n`)),
  )
  const file = configFile(flags.config ?? environment.BEAMCLAW_CONFIG, process.cwd())
  const live = file === undefined ? undefined : new LiveConfig({ file, environment, flags, logger })
  const settings = live?.settings ?? settingsFrom({}, { environment, flags })
  const { store, workers, drainMs: fullDrainMs } = settings
  if (workers !== undefined && worker === undefined) {
    const { startWorkers } = await import('./start-workers.ts')
    return await startWorkers({ settings, workers, logger, stopMs: fullDrainMs + stopMs + lastMs, signal: firstSignal })
  }
  if (store.type === 'fs' && (store.lockWaitMs ?? 0) > 0)
    logger.log('info', 'store.may-wait', { forMs: store.lockWaitMs, path: store.path })
  const wiring = await AssembledBeamClaw.from(settings, logger, file, true)
  const claw = await startTree(wiring, settings, logger)
  const stopTools = wiring.followTools(claw)
  const { gateway, url } = await openGateway(settings, wiring, claw, logger, worker !== undefined)
  live?.start((next) => wiring.update(next, claw))
  const stopSkills = wiring.watchSkills(claw)
  // Before it is said: who reads that may end the process in that moment.
  const signalled = firstSignal()
  logger.log('info', 'gateway.ready', {
    url,
    version,
    agents: claw.agents.map((agent) => agent.id).join(','),
    ...(file && { config: file }),
  })
  if (format === 'pretty' && (worker === undefined || worker === firstWorker))
    process.stdout.write(welcomeText(url, claw.agents[0], settings))
  claw.resumed.then((count) => count > 0 && logger.log('info', 'sessions.resumed', { count }))
  const { orphaned = new Promise<never>(() => {}) } = wiring
  const reason = await Promise.race([
    signalled.then(() => 'signal' as const),
    claw.ended.then(() => 'gave-up' as const),
    orphaned.then(() => 'orphaned' as const),
  ])
  const hasGivenUp = reason === 'gave-up'
  if (reason === 'orphaned') logger.log('error', 'gateway.orphaned', { reason: 'the parent of this worker has ended' })
  const drainMs = hasGivenUp ? 0 : reason === 'orphaned' ? Math.min(orphanMs, fullDrainMs) : fullDrainMs
  if (hasGivenUp) {
    // The process manager restarts the gateway; accepted messages continue then.
    process.exitCode = 1
    const ended = await claw.ended
    const why = ended.type === 'crashed' ? ended.cause : ended.type === 'shutdown' ? ended.detail : undefined
    const error = why === undefined ? {} : { error: describeError(why) }
    logger.log('error', 'gateway.gave-up', { reason: 'the tree has ended; what was logged before this says why', ...error })
  } else logger.log('info', 'gateway.draining', { drainMs })
  live?.stop()
  stopSkills()
  stopTools()
  await end({ gateway, claw, drainMs, logger, orphaned })
}

/**
 * Starts the tree, once a Redis that it needs is reached. Rejects with advice for the user when the data directory cannot be written or another gateway has the
 * name of this one, and with the error of Redis when the time is over.
 */
async function startTree(wiring: AssembledBeamClaw, settings: Settings, logger: Logger): Promise<RunningBeamClaw> {
  const { store } = settings
  try {
    return await overRedis(settings, logger, () => wiring.claw.start())
  } catch (error) {
    await wiring.release()
    if (BeamClawError.isInstance(error, 'node-id-taken')) throw nameTaken(error)
    const system = systemCodeOf(error)
    if (store.type !== 'fs' || store.path === undefined || system === undefined || !mayNotWrite.includes(system)) throw error
    throw new ClientError('store-io', `${notWritable(resolve(store.path), system)}; ${writableAdvice}`, error)
  }
}

function nameTaken(error: BeamClawError): ClientError {
  const { owner } = error.details as { readonly owner?: { readonly id?: string } }
  const advice = 'give each one a name of its own, as BEAMCLAW_NODE_ID or cluster.nodeId'
  return new ClientError('node-id-taken', `Another gateway over this Redis is up with the name "${owner?.id}"; ${advice}`, error)
}

const mayNotWrite: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']

/** The system's name of what went wrong at the bottom of it. */
function systemCodeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('syscall' in cause && 'code' in cause && typeof cause.code === 'string') return cause.code
  }
  return undefined
}

interface OpenGateway {
  readonly gateway: Gateway
  readonly url: string
}

async function openGateway(
  settings: Settings,
  wiring: AssembledBeamClaw,
  claw: RunningBeamClaw,
  logger: Logger,
  reusePort: boolean,
): Promise<OpenGateway> {
  const { host, port, auth, allowedHosts, allowedOrigins, drainMs } = settings
  const { models, processes, subAgents } = wiring
  const methods = [...(processes === undefined ? [] : [implementProcesses(processes)]), implementSubAgents(subAgents)]
  const site = { host, port, reusePort, auth, allowedHosts, allowedOrigins }
  const gateway = new Gateway({ claw, version, ...site, drainMs, models, methods, services: { logger } })
  try {
    const { url } = await gateway.start()
    return { gateway, url }
  } catch (error) {
    await claw.stop()
    throw error
  }
}

interface Ending {
  readonly gateway: Gateway
  readonly claw: RunningBeamClaw
  readonly drainMs: number
  readonly logger: Logger
  /** Resolves when the parent of this worker has ended. */
  readonly orphaned: Promise<void>
}

/** Lets runs end in their time; those that do not are interrupted, and go on after the next start. Ends the process with 1 when something hangs. */
async function end({ gateway, claw, drainMs, logger, orphaned }: Ending): Promise<void> {
  const giveUp = setTimeout(() => leave(logger, 'the gateway did not end in time'), drainMs + stopMs + lastMs)
  try {
    const closed = gateway.stop()
    // The gateway waits for runs as long as it was told at its start; a worker without a parent has less time.
    const after = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref())
    await Promise.race([closed, after(drainMs + closeMs), orphaned.then(() => after(orphanMs))])
    await claw.stop({ timeoutMs: stopMs })
    await closed
  } catch (error) {
    if (BeamClawError.isInstance(error, 'stop-timeout')) leave(logger, error.message)
    throw error
  } finally {
    clearTimeout(giveUp)
  }
  logger.log('info', 'gateway.stopped')
}

/** Ends the process: a call to the operating system that hangs would keep it. */
function leave(logger: Logger, reason: string): never {
  logger.log('error', 'gateway.stop-timeout', { reason })
  process.exit(1)
}

/** Resolves with the id of this process among the workers of its parent; undefined for a gateway that is none. */
async function workerId(): Promise<string | undefined> {
  if (process.send === undefined) return undefined
  return (await import('@beamclaw/workers')).WorkerCluster.childId
}

function loggerOf(worker: string | undefined, logger: Logger): Logger {
  if (worker === undefined) return logger
  return { log: (level, event, fields) => logger.log(level, event, { worker, ...fields }) }
}

function logFormatFrom(text: string | undefined): LogFormat {
  if (text === undefined || text === '' || text === 'pretty') return 'pretty'
  if (text === 'json') return 'json'
  throw new ConfigError(['BEAMCLAW_LOG_FORMAT: expected pretty or json'])
}

async function firstSignal(): Promise<void> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
  const firstAt = performance.now()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (performance.now() - firstAt > sameSignalMs) process.exit(0)
    })
  }
}
