/** Which logs are moved next. */
import type { LogState } from './log-state.ts'

/**
 * Returns the logs to move: those at rest, those with lines in the segments up to `upTo`, and those that were deleted while their own file is still there. Those
 * with the oldest lines come first: their segments can go when they are moved.
 */
export function chooseMoves(logs: Iterable<LogState>, resting: readonly LogState[], upTo: number): LogState[] {
  const chosen = new Set(resting.filter(({ extents }) => extents.length > 0))
  for (const state of logs) {
    const oldest = state.extents[0]
    if (oldest !== undefined && (oldest.segment <= upTo || oldest.kind === 'deleted')) chosen.add(state)
  }
  return [...chosen].sort((a, b) => oldestSegment(a) - oldestSegment(b))
}

function oldestSegment({ extents }: LogState): number {
  return extents[0]?.segment ?? 0
}
