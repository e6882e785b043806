/** Makes staged entries durable for an idle session. The session is listed as busy meanwhile, so that a crash wakes it, and its overview is written. */
import { overviewOf } from '../session-overview.ts'
import { allSettled, type CommandContext } from './command.ts'

export async function withActivity({ key, state, journal, dependencies }: CommandContext): Promise<void> {
  const { activity, overviews } = dependencies
  await allSettled([activity.begin(key), journal.flush()])
  // A message that arrived meanwhile started work, whose end writes the overview as well.
  if (state.current !== undefined || state.waiting.length > 0) return
  overviews.note(key, overviewOf(state))
  activity.end(key)
}
