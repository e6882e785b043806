/** Clock, randomness, ids and logger: the services of the system, all parameters, so that a simulator can replace them. */

/** A pending timer; `cancel` is idempotent. */
export interface TimerHandle {
  cancel(): void
}

/** Time and scheduling. A callback never runs inside the call that scheduled it and must not throw. */
export interface Clock {
  /** Wall time in milliseconds since 1970. May jump. */
  now(): number
  /** Milliseconds since an arbitrary start. Never goes back. */
  monotonic(): number
  /** Runs `callback` once after `delayMs` (0 to 2,147,483,647). A pending timer does not keep the process alive when `background` is true. */
  setTimer(callback: () => void, delayMs: number, background?: boolean): TimerHandle
  /** Runs `callback` after the event loop has served timers and sockets. */
  yieldTo(callback: () => void): void
}

/** Severity of a log record, lowest first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Receives structured log records. Must not throw. Fields hold no secrets. */
export interface Logger {
  /** Returns false when records of this level are discarded, so that costly fields are not computed. @default every level is wanted */
  wants?(level: LogLevel): boolean
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Makes ids that are unique in the cluster: 1 to 64 of a-z, 0-9, `_` and `-`. */
export interface IdGenerator {
  next(prefix?: string): string
}

/** Uniform numbers from 0 up to, not including, 1. */
export interface Random {
  next(): number
}
