import type { Logger, LogLevel } from '../ports/services.ts'

const severity = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/**
 * Prints log records of level `minimum` and above to the console (standard error), one line each.
 *
 * @example
 * const services = systemServices({ logger: new ConsoleLogger('info') })
 */
export class ConsoleLogger implements Logger {
  readonly #minimum: number

  /** @param minimum lowest level that is printed. Default `warn`. */
  constructor(minimum: LogLevel = 'warn') {
    this.#minimum = severity[minimum]
  }

  wants(level: LogLevel): boolean {
    return severity[level] >= this.#minimum
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.wants(level)) return
    const details = Object.entries(fields).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
    )
    console.error(`beamclaw ${level} ${event} ${details.join(' ')}`.trimEnd())
  }
}

class SilentLogger implements Logger {
  wants(): boolean {
    return false
  }

  log(): void {}
}

/** A logger that prints nothing. */
export const silentLogger: Logger = new SilentLogger()
