/** The configuration file. */
import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../../config/config-error.ts'
import { type Environment, loadConfig } from '../../config/load.ts'
import { type Settings, type SettingsFlags, settingsFrom } from '../../config/settings.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

export interface ConfigurationFindings {
  readonly findings: readonly Finding[]
  /** Absent when the file cannot be used. */
  readonly settings?: Settings
}

export function checkConfiguration(file: string | undefined, environment: Environment, flags: SettingsFlags = {}): ConfigurationFindings {
  try {
    const settings = settingsFrom(file === undefined ? {} : loadConfig(file, environment), {
      environment,
      flags,
      ...(file && { name: file }),
    })
    if (file === undefined) return { settings, findings: [ok('config', 'no file; the defaults hold (beamclaw init writes one)')] }
    return { settings, findings: [ok('config', file), ...(process.platform === 'win32' ? [] : secrecy(file))] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { findings: error.problems.map((text) => problem('config', text, 'correct it; beamclaw config check tells when it is fine')) }
  }
}

/** Returns a warning when the file contains a secret and other users may read it. */
function secrecy(file: string): readonly Finding[] {
  const isReadByOthers = (statSync(file).mode & 0o077) !== 0
  const holdsSecret = /^[^#\n]*\b(apiKey|token):\s*(?!["']?\$\{|none\b)\S/m.test(readFileSync(file, 'utf8'))
  if (!isReadByOthers || !holdsSecret) return []
  return [warning('config', 'holds a secret, and other users may read it', `chmod 600 ${file}, or write \${NAME} in its place`)]
}
