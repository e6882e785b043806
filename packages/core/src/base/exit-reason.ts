/** Why an actor ended, and what that means to those who watch it. */
import { BeamClawError } from './errors.ts'
import { aFunction, describeValue } from './options.ts'

/**
 * `normal`: it was done. `shutdown`: it was told to stop. `crashed`: it threw `cause`. `killed`: it was ended without being asked.
 * Watchers may also see `noproc` (it was gone before they looked) and `nodedown` (its node was lost).
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

/** Throws `invalid-option` for what is no exit reason. */
export function checkExitReason(owner: string, reason: ExitReason): void {
  const type: unknown = typeof reason === 'object' && reason !== null ? reason.type : undefined
  if (exitTypes.includes(type)) return
  const problem = `${owner}: the reason must be an exit reason such as { type: 'normal' }, received ${describeValue(reason)}`
  throw new BeamClawError('invalid-option', problem, { details: { owner, option: 'reason' } })
}

/** Throws `invalid-option` for a monitor that cannot be called. */
export function checkMonitor(onExit: unknown): void {
  const expected = aFunction(onExit)
  if (expected === undefined) return
  const problem = `monitor: onExit must be ${expected}, received ${describeValue(onExit)}`
  throw new BeamClawError('invalid-option', problem, { details: { owner: 'monitor', option: 'onExit' } })
}

/** Tells a watcher, once, that the actor with this id ended. */
export class ExitNotice {
  readonly id: string
  readonly reason: ExitReason

  constructor(id: string, reason: ExitReason) {
    this.id = id
    this.reason = reason
  }
}

/** True unless the actor ended because it was done or was told to stop. */
export function isAbnormal(reason: ExitReason): boolean {
  return reason.type !== 'normal' && reason.type !== 'shutdown'
}
