/** A logger that fails is no reason for anything else to fail. */

import { isThenable, whenSettled } from '../base/thenable.ts'
import type { Logger, LogLevel } from '../ports/services.ts'

/** A logger that catches what the one inside throws. Guarded once, however often it is handed on. */
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
      // One that writes asynchronously may fail later.
      if (isThenable(outcome)) whenSettled(outcome, ignore, ignore)
    } catch {
      // There is nowhere left to report it.
    }
  }
}

/** Returns a logger whose `log` never throws. What is called in the middle of a transition must return. */
export function guardedLogger(logger: Logger): Logger {
  return logger instanceof GuardedLogger ? logger : new GuardedLogger(logger)
}

// There is nowhere left to report what a logger rejects with.
function ignore(): void {}
