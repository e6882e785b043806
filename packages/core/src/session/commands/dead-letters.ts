/** `dead-letters`: returns the messages whose runs were given up. */
import type { DeadLetter } from '../state/known-run.ts'
import type { CommandContext } from './command.ts'

export interface ReadDeadLetters {
  readonly type: 'dead-letters'
}

export async function deadLetters({ state, journal }: CommandContext): Promise<readonly DeadLetter[]> {
  const letters = state.deadLetters.map((letter) => ({ ...letter }))
  await journal.flush()
  return letters
}
