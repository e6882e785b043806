/** Decides whether a child that ended is restarted; pure, so that every case can be tested. */
import { type ExitReason, isAbnormal } from '../base/exit-reason.ts'

/** When a child is restarted. `permanent`: always. `transient`: after an abnormal exit. `temporary`: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

export function shouldRestart(restart: RestartType, reason: ExitReason): boolean {
  return restart === 'permanent' || (restart === 'transient' && isAbnormal(reason))
}
