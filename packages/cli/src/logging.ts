/** Logs to standard output: one JSON object per line for programs, or a readable line for people. */
import type { Logger } from '@beamclaw/core'

export type LogFormat = 'pretty' | 'json'

export function createLogger(format: LogFormat, write: (line: string) => void, now: () => Date = () => new Date()): Logger {
  return {
    log(level, event, fields = {}) {
      if (format === 'json') return write(JSON.stringify({ time: now().toISOString(), level, event, ...fields }))
      const details = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
      write(`${now().toISOString().slice(11, 19)} ${level.padEnd(5)} ${event} ${details.join(' ')}`.trimEnd())
    },
  }
}
