/** Makes what was staged durable for a session that is at rest: on record as busy meanwhile, so that a crash wakes it, and its overview is written. */
import { overviewOf } from '../session-overview.ts'
import { allSettled, type CommandContext } from './command.ts'

export async function withActivity({ key, state, journal, dependencies }: CommandContext): Promise<void> {
  const { activity, overviews } = dependencies
  await allSettled([activity.begin(key), journal.flush()])
  // A message that came meanwhile has work of its own, and its end does the same.
  if (state.current !== undefined || state.waiting.length > 0) return
  overviews.note(key, overviewOf(state))
  activity.end(key)
}
