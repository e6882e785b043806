/** Tells whether a session has unfinished work. Pure. */
import type { SessionState } from './session-state.ts'

/** True while a run is active or waiting. */
export function hasWork({ current, waiting, cancelled }: SessionState): boolean {
  return current !== undefined || waiting.length > 0 || cancelled.length > 0
}
