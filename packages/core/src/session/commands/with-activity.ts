/** Changes a session that is idle. It is listed as busy meanwhile, so that a crash wakes it, and its entry is then written to the index. */
import { allSettled } from '../../base/all-settled.ts'
import { entryOf } from '../listing/session-entry.ts'
import { hasWork } from '../state/has-work.ts'
import type { CommandContext } from './command.ts'

/** Makes staged entries durable. */
export async function withActivity(context: CommandContext): Promise<void> {
  const { key, journal, dependencies } = context
  await allSettled([dependencies.activity.begin(key), journal.flush()])
  rest(context)
}

/** Ends the work of a session, unless a message has arrived meanwhile, or a run waits for a decision: its end writes the entry as well. */
export function rest({ key, state, settings, dependencies, isLoaded, drive }: CommandContext): void {
  const { activity, overviews } = dependencies
  // What was discarded is loaded again, by then or with the next command.
  if (!isLoaded()) return
  if (hasWork(state)) {
    overviews.configured(key, settings.value)
    // A run that waits for a decision leaves memory again.
    return drive()
  }
  if (state.seq > 0 || settings.isStored) overviews.note(entryOf(key, state, settings.value))
  activity.end(key)
}
