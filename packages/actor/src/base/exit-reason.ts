/** Why an actor ended, and the notice of it that monitors get. */
import { BeamClawError } from './errors.ts'
import { aFunction, describeValue } from './options.ts'

/**
 * Why an actor ended. `normal`: it finished. `shutdown`: it was told to stop; of a supervisor also that
 * its children crashed too often, with a `restart-limit` error as its `detail`. `crashed`: it threw `cause`. `killed`: it was ended without a stop.
 * Monitors may also get `noproc` (it had ended before they were added) and `nodedown` (its node was lost).
 */
export type ExitReason =
  | { readonly type: 'normal' }
  | { readonly type: 'shutdown'; readonly detail?: unknown }
  | { readonly type: 'crashed'; readonly cause: unknown }
  | { readonly type: 'killed' }
  | { readonly type: 'noproc' }
  | { readonly type: 'nodedown' }

export const normalExit: ExitReason = Object.freeze({ type: 'normal' })
export const shutdownExit: ExitReason = Object.freeze({ type: 'shutdown' })
export const killedExit: ExitReason = Object.freeze({ type: 'killed' })
export const noprocExit: ExitReason = Object.freeze({ type: 'noproc' })

const exitTypes: readonly unknown[] = [
  'normal',
  'shutdown',
  'crashed',
  'killed',
  'noproc',
  'nodedown',
] satisfies readonly ExitReason['type'][]

/** Throws `invalid-option` unless `reason` is an exit reason. */
export function checkExitReason(owner: string, reason: ExitReason): void {
  const type: unknown = typeof reason === 'object' && reason !== null ? reason.type : undefined
  if (exitTypes.includes(type)) return
  const problem = `${owner}: the reason must be an exit reason such as { type: 'normal' }, received ${describeValue(reason)}`
  throw new BeamClawError('invalid-option', problem, { details: { owner, option: 'reason' } })
}

/** Throws `invalid-option` unless `onExit` is a function. */
export function checkMonitor(onExit: unknown): void {
  const expected = aFunction(onExit)
  if (expected === undefined) return
  const problem = `monitor: onExit must be ${expected}, received ${describeValue(onExit)}`
  throw new BeamClawError('invalid-option', problem, { details: { owner: 'monitor', option: 'onExit' } })
}

/**
 * The notice that the actor with this id has ended, which each monitor gets once.
 *
 * @example
 * counter.monitor(({ id, reason }) => console.log(id, reason.type))
 */
export class ExitNotice {
  readonly id: string
  readonly reason: ExitReason

  constructor(id: string, reason: ExitReason) {
    this.id = id
    this.reason = reason
  }
}

/** Returns true unless the actor finished or was told to stop. */
export function isAbnormal(reason: ExitReason): boolean {
  return reason.type !== 'normal' && reason.type !== 'shutdown'
}
