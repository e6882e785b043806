import { aSignal, checkOptions, duration, integer, type OptionRule, oneOf, text } from '../base/options.ts'
import type { CallOptions, CastOptions } from './actor-ref.ts'
import type { MailboxLimits } from './mailbox.ts'

/** Options of every actor: its name, the bounds of its mailbox, and when it passivates. */
export interface ActorOptions {
  /** 1 to 512 characters; names the actor in errors, events and trees. @default a name made by its tree, such as `actor-7` */
  readonly id?: string
  /** Messages that may wait in the work lane. @default 1000 */
  readonly maxSize?: number
  /** Estimated bytes that may wait in the work lane. @default 8388608 */
  readonly maxBytes?: number
  /** Milliseconds without work until the actor passivates: `onPassivate` releases what `onActivate` can rebuild. 0 for never. @default 0 */
  readonly passivateAfterMs?: number
}

/** Defaults for an actor. */
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

/** How long a start may take. */
export interface StartOptions {
  /** Milliseconds until a start that has not finished is given up: the actor is killed. `Infinity` waits. @default 30000 */
  readonly startTimeoutMs?: number
}

/** How long a stop may take. */
export interface StopOptions {
  /** Milliseconds until an actor that has not stopped is killed; `Infinity` waits. @default 5000 */
  readonly timeoutMs?: number
}

/** Defaults for `start` and `stop`. */
export const lifeDefaults = { startTimeoutMs: 30_000, stopTimeoutMs: 5_000 } as const

/** A time to wait, which may be endless. */
const aTimeout: OptionRule = (value) => (typeof value === 'number' && value >= 0 ? undefined : 'milliseconds of at least 0, or Infinity')

const lane = oneOf('work', 'control')

/** Throws `invalid-option`. */
export function checkCallOptions(options: CallOptions): void {
  checkOptions<CallOptions>('call', options, { timeoutMs: aTimeout, lane, signal: aSignal })
}

/** Throws `invalid-option`. */
export function checkCastOptions(options: CastOptions): void {
  checkOptions<CastOptions>('cast', options, { lane })
}

/** Throws `invalid-option`. */
export function checkStartOptions(options: StartOptions): void {
  checkOptions<StartOptions>('start', options, { startTimeoutMs: aTimeout })
}

/** Throws `invalid-option`. */
export function checkStopOptions(options: StopOptions): void {
  checkOptions<StopOptions>('stop', options, { timeoutMs: aTimeout })
}
