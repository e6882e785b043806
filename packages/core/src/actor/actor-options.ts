import { checkOptions, duration, integer, text } from '../options.ts'
import type { MailboxLimits } from './mailbox.ts'

export interface ActorOptions {
  /** 1 to 512 characters; names the actor in errors, events and trees. @default a name made by its tree, such as `actor-7` */
  readonly id?: string
  /** Messages that may wait in the work lane. @default 1000 */
  readonly maxSize?: number
  /** Estimated bytes that may wait in the work lane. @default 8388608 */
  readonly maxBytes?: number
  /** Milliseconds without work until the actor lets go of what it can rebuild; 0 for never. @default 0 */
  readonly passivateAfterMs?: number
}

/** What an actor gets that says nothing else. */
export const actorDefaults = { maxSize: 1_000, maxBytes: 8 * 1024 * 1024, passivateAfterMs: 0 } as const satisfies ActorOptions

/** Options with every default filled in. */
export interface ActorSettings extends MailboxLimits {
  readonly id: string | undefined
  readonly passivateAfterMs: number
}

// Shared by all actors without options of their own: a hundred thousand of them need one.
const defaultSettings: ActorSettings = Object.freeze({ id: undefined, ...actorDefaults })

/** Checks options and fills in the defaults. Throws `invalid-option`. */
export function actorSettings(options: ActorOptions | undefined): ActorSettings {
  if (options === undefined) return defaultSettings
  checkOptions<ActorOptions>('Actor', options, { id: text(), maxSize: integer(1), maxBytes: integer(1), passivateAfterMs: duration() })
  return {
    id: options.id,
    maxSize: options.maxSize ?? actorDefaults.maxSize,
    maxBytes: options.maxBytes ?? actorDefaults.maxBytes,
    passivateAfterMs: options.passivateAfterMs ?? actorDefaults.passivateAfterMs,
  }
}
