/** Whether a child that ended is started again; pure, so that it can be tried against every case. */
import { type ExitReason, isAbnormal } from '../base/exit-reason.ts'

/** `permanent`: always. `transient`: after an abnormal exit. `temporary`: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

export function shouldRestart(restart: RestartType, reason: ExitReason): boolean {
  return restart === 'permanent' || (restart === 'transient' && isAbnormal(reason))
}
