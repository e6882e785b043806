/** How a process is ended: asked first, then forced. Pure. */

/** Where the end of a process stands. `term`: it was asked to end. `kill`: it is forced to. */
export interface KillState {
  readonly phase: 'term' | 'kill'
  /** Since the signal of the phase was sent. */
  readonly elapsedMs: number
  /** True once nothing of the process is left. */
  readonly isGone: boolean
}

/** What comes next. `wait`: look again after so many milliseconds, or sooner when it exits. */
export type KillStep =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'force' }
  | { readonly type: 'done'; readonly hasSurvivors: boolean }

/** Milliseconds until the first look, and between two looks. */
const firstLookMs = 25
const longestLookMs = 500

/**
 * Returns what comes next: a process that was asked to end has `killAfterMs` to do so, and one that is forced as long again until it counts as a survivor.
 */
export function nextKillStep({ phase, elapsedMs, isGone }: KillState, killAfterMs: number): KillStep {
  if (isGone) return { type: 'done', hasSurvivors: false }
  const leftMs = killAfterMs - elapsedMs
  if (leftMs > 0) return { type: 'wait', ms: Math.min(leftMs, longestLookMs, Math.max(firstLookMs, Math.floor(elapsedMs))) }
  return phase === 'term' ? { type: 'force' } : { type: 'done', hasSurvivors: true }
}
