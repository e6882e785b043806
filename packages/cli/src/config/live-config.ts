/** Reloads a configuration file while a gateway runs. */
import type { Logger } from '@beamclaw/core'
import { changesBetween } from './changes.ts'
import { ConfigError } from './config-error.ts'
import { type Environment, parseConfig, readConfigText } from './load.ts'
import { type Settings, type SettingsFlags, settingsFrom } from './settings.ts'
import { watchFile } from './watch-file.ts'

export interface LiveConfigOptions {
  readonly file: string
  readonly environment: Environment
  readonly flags: SettingsFlags
  readonly logger: Logger
}

/** Settings that follow their file: a valid edit is applied at once or waits for a restart, an invalid one changes nothing. */
export class LiveConfig {
  readonly #options: LiveConfigOptions
  #text: string
  #settings: Settings
  #warned = ''
  #trouble = ''
  #stop: (() => void) | undefined

  /** Reads the file. Throws `ConfigError`. */
  constructor(options: LiveConfigOptions) {
    this.#options = options
    this.#text = readConfigText(options.file)
    this.#settings = this.#parse(this.#text)
  }

  /** The present settings. */
  get settings(): Settings {
    return this.#settings
  }

  /**
   * Begins to watch the file. `apply` applies settings, or throws and changes nothing. When the system cannot watch files, this is logged, and
   * the settings stay as they are.
   */
  start(apply: (settings: Settings) => void): void {
    const { file, logger } = this.#options
    const cannot = (error: unknown): void =>
      logger.log('warn', 'config.not-watched', { file, error: (error as Error).message, effect: 'edits wait for a restart' })
    try {
      this.#stop = watchFile(file, () => this.#reload(apply), cannot)
    } catch (error) {
      cannot(error)
      return
    }
    // Applies an edit between the first reading and now.
    this.#reload(apply)
  }

  stop(): void {
    this.#stop?.()
  }

  #parse(text: string): Settings {
    const { file, environment, flags } = this.#options
    return settingsFrom(parseConfig(text, environment, file), { environment, flags, name: file })
  }

  #reload(apply: (settings: Settings) => void): void {
    const { file, logger } = this.#options
    try {
      const text = readConfigText(file)
      if (text === this.#text) return
      this.#text = text
      const { applied, waiting, settings } = changesBetween(this.#settings, this.#parse(text))
      if (applied.length > 0) apply(settings)
      this.#settings = settings
      if (applied.length > 0 || this.#trouble !== '')
        logger.log('info', 'config.reloaded', { file, changed: applied.join(', ') || 'nothing' })
      this.#trouble = ''
      this.#warn(waiting.join(', '))
    } catch (error) {
      this.#fail(error instanceof ConfigError ? error.problems.join('; ') : (error as Error).message)
    }
  }

  /** Logs the problem once, though every event in the directory leads here. */
  #fail(problems: string): void {
    if (problems === this.#trouble) return
    this.#trouble = problems
    this.#options.logger.log('error', 'config.invalid', { file: this.#options.file, problems, effect: 'the last good settings stay' })
  }

  /** Logs once which paths wait for a restart. */
  #warn(paths: string): void {
    if (paths === this.#warned) return
    this.#warned = paths
    if (paths !== '') this.#options.logger.log('warn', 'config.restart-needed', { file: this.#options.file, waiting: paths })
  }
}
