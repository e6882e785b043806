/** Keeps errors of a logger away from the code that logs. */

import { isThenable, whenSettled } from '../base/thenable.ts'
import type { Logger, LogLevel } from '../ports/services.ts'

/** A logger that catches errors of the logger it wraps. A guarded logger is not wrapped again. */
class GuardedLogger implements Logger {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  wants(level: LogLevel): boolean {
    try {
      const wanted: unknown = this.#logger.wants?.(level)
      if (isThenable(wanted)) whenSettled(wanted, ignore, ignore)
      return wanted !== false
    } catch {
      return true
    }
  }

  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    try {
      const outcome: unknown = this.#logger.log(level, event, fields)
      // A logger that writes asynchronously may reject later.
      if (isThenable(outcome)) whenSettled(outcome, ignore, ignore)
    } catch {
      // There is nowhere left to report it.
    }
  }
}

/** Returns a logger whose `log` never throws, so that state transitions which log are completed. */
export function guardedLogger(logger: Logger): Logger {
  return logger instanceof GuardedLogger ? logger : new GuardedLogger(logger)
}

// A rejection of a logger cannot be reported anywhere.
function ignore(): void {}
