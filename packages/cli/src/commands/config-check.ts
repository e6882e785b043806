/** `beamclaw config check`: checks whether `start` would accept a configuration. */
import { statSync } from 'node:fs'
import { AssembledBeamClaw } from '../assemble.ts'
import { ConfigError } from '../config/config-error.ts'
import { configFile, loadConfig, placesIn } from '../config/load.ts'
import { type Settings, settingsFrom } from '../config/settings.ts'
import { createLogger } from '../logging.ts'
import { say, sayJson } from '../output.ts'

export async function configCheck(named: string | undefined, { json = false }: { readonly json?: boolean }): Promise<void> {
  const environment = process.env
  const file = configFile(named ?? environment.BEAMCLAW_CONFIG, process.cwd())
  let settings: Settings
  try {
    settings = settingsFrom(file === undefined ? {} : loadConfig(file, environment), { environment, ...(file && { name: file }) })
    // The checks of the adapters; nothing is started or written.
    await AssembledBeamClaw.from(
      settings,
      createLogger('json', () => {}),
      file,
    )
    checkBrowserPath(settings, file)
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error
    sayJson({ file: file ?? null, isValid: false, problems: error.problems })
    process.exitCode = 2
    return
  }
  const { providers, agents } = settings
  if (json) return sayJson({ file: file ?? null, isValid: true, agents: Object.keys(agents), providers: Object.keys(providers) })
  say(file === undefined ? 'There is no configuration file; the defaults are fine' : `${file} is fine`)
  say(
    `  agents     ${Object.entries(agents)
      .map(([id, { model }]) => `${id} (${model})`)
      .join(', ')}`,
  )
  say(`  providers  ${Object.keys(providers).join(', ')}`)
}

/** Throws `ConfigError` for a path of Chromium that is no file. `start` only logs that: the rest of a gateway works without a browser. */
function checkBrowserPath({ tools }: Settings, file: string | undefined): void {
  const { executablePath } = tools.browser ?? {}
  if (executablePath === undefined || statSync(executablePath, { throwIfNoEntry: false })?.isFile() === true) return
  const path = ['tools', 'browser', 'executablePath']
  const place = file === undefined ? path.join('.') : placesIn(file)(path)
  throw new ConfigError([`${place}: expected the path of Chromium, and there is no such file`])
}
