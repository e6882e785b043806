/** `beamclaw start`: the standalone gateway. */
import { once } from 'node:events'
import { Gateway } from '@beamclaw/gateway-ws'
import { ConfigError } from '../config/config-error.ts'
import { configFile, loadConfig } from '../config/load.ts'
import { createLogger, type LogFormat } from '../logging.ts'
import { version } from '../version.ts'
import { wire, withDefaults } from '../wire.ts'

export interface StartFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
  readonly logFormat?: LogFormat
}

/** How long runs may go on after the first signal. */
const drainMs = 25_000

/** Signals that arrive together are one wish: a terminal and a wrapper may both pass on the same key press. */
const sameSignalMs = 200

export async function start(flags: StartFlags): Promise<void> {
  const environment = process.env
  const file = configFile(flags.config, process.cwd())
  const config = withDefaults(file === undefined ? {} : loadConfig(file, environment), environment)
  const format = flags.logFormat ?? (environment.BEAMCLAW_LOG_FORMAT === 'json' ? 'json' : 'pretty')
  const logger = createLogger(format, (line) => process.stdout.write(`${line}\n`))
  const claw = wire(config, flags.dataDir ?? environment.BEAMCLAW_DATA_DIR ?? './data', logger)
  const running = await claw.start()
  const gateway = new Gateway({
    claw: running,
    version,
    host: flags.host ?? environment.BEAMCLAW_HOST ?? config.gateway?.host ?? '127.0.0.1',
    port: portFrom(flags.port ?? environment.BEAMCLAW_PORT) ?? config.gateway?.port ?? 4000,
    ...(config.gateway?.auth === undefined ? {} : { auth: config.gateway.auth }),
  })
  const { url } = await gateway.start()
  logger.log('info', 'gateway.ready', { url, version, agents: running.agents.map((agent) => agent.id).join(',') })
  if (format === 'pretty') process.stdout.write(welcome(url, running.agents[0]?.model ?? ''))
  await firstSignal()
  logger.log('info', 'gateway.draining', { drainMs })
  const exit = setTimeout(() => process.exit(0), drainMs)
  await gateway.stop()
  await running.stop()
  clearTimeout(exit)
}

function portFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new ConfigError([`--port: expected a whole number from 0 to 65535`])
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

function welcome(url: string, model: string): string {
  const body = `{"model":"beamclaw","stream":true,"messages":[{"role":"user","content":"hello"}]}`
  return `
  BeamClaw ${version} is ready: ${url}
  It answers with ${model}. Try it, from another terminal:

    curl -N ${url}/v1/chat/completions \\
      -H 'content-type: application/json' -H 'x-beamclaw-session-key: agent:main:first' \\
      -d '${body}'

  Ask again with the same session key and it remembers, also after kill -9. Ctrl-C stops it.

`
}
