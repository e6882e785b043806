import type { Logger, LogLevel } from '../ports/services.ts'

const severity = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/** One line a record on the console, from `minimum` up. */
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

/** Prints nothing. */
export const silentLogger: Logger = new SilentLogger()
