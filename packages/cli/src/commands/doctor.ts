/** `beamclaw doctor`: checks everything that a gateway needs, and prints what to do. Changes nothing without `--repair`. */
import { configFile } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { coloured, say, sayJson } from '../output.ts'
import { checkConfiguration } from './doctor/configuration.ts'
import { checkDataDirectory } from './doctor/data-directory.ts'
import type { Finding } from './doctor/finding.ts'
import { checkLive } from './doctor/live.ts'
import { checkClock, checkNode } from './doctor/machine.ts'
import { checkPort } from './doctor/port.ts'
import { checkProvider } from './doctor/providers.ts'
import { checkRedis } from './doctor/redis.ts'
import { repair } from './doctor/repair.ts'
import { checkTools } from './doctor/tools.ts'

export interface DoctorFlags {
  readonly config?: string
  readonly dataDir?: string
  readonly repair?: boolean
  readonly online?: boolean
  readonly live?: boolean
  readonly json?: boolean
}

/** The exit code is 1 when there is a problem. */
export async function doctor({ repair: isRepair = false, ...flags }: DoctorFlags): Promise<void> {
  if (isRepair) return await repair(flags)
  const { config, dataDir, online = false, live = false, json = false } = flags
  const environment = process.env
  const file = configFile(config ?? environment.BEAMCLAW_CONFIG, process.cwd())
  const { findings: first, settings } = checkConfiguration(file, environment, dataDir === undefined ? {} : { dataDir })
  const rest = settings === undefined ? [] : await checkSettings(settings, online, live)
  const findings = [checkNode(process.versions.node), checkClock(Date.now()), ...first, ...rest]
  if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1
  if (json) return sayJson({ findings })
  for (const finding of findings) show(finding)
}

async function checkSettings(settings: Settings, isOnline: boolean, isLive: boolean): Promise<readonly Finding[]> {
  const { store, host, port, providers } = settings
  const findings = await Promise.all([
    store.type === 'fs' ? checkDataDirectory(store.path ?? '') : [],
    checkRedis(settings),
    checkPort(host, port),
    ...Object.entries(providers).map(([id, provider]) => checkProvider(id, provider, isOnline)),
    checkTools(settings, isOnline),
    isLive ? checkLive(settings) : [],
  ])
  return findings.flat()
}

const colours = { ok: 'green', warning: 'yellow', problem: 'red' } as const

function show({ name, state, detail, advice }: Finding): void {
  say(`${coloured(colours[state], state.padEnd(7))}  ${name.padEnd(18)} ${detail}`)
  if (advice !== undefined) say(`${' '.repeat(28)}→ ${advice}`)
}
