/** A logger that keeps what it was told. */
import type { Logger } from '@beamclaw/core'

export class ToldLogger implements Logger {
  readonly events: string[] = []

  log(_level: string, event: string): void {
    this.events.push(event)
  }
}
