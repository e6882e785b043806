/** All processes of a command, as the sandbox that runs it can find and signal them. */
import type { CommandSignal } from '@beamclaw/core'

/** The processes of one command. A sandbox has its own way to find them; the phases of the command are those of `RunningCommand`. */
export interface CommandTree {
  /** Signals every process; returns false when none is left. */
  signal(signal: CommandSignal): boolean | Promise<boolean>
  /** Called after the exit of the first process: ends the others, and resolves with how many could not be ended. */
  finish(): number | Promise<number>
}

const pollMs = 5
const maxPolls = 40

/** Ends what `members` finds until it finds nothing more; resolves with how many are left after 200 ms. */
export async function endAll(members: () => readonly number[], kill: (pid: number) => void): Promise<number> {
  let left = members()
  for (let round = 0; left.length > 0 && round < maxPolls; round++) {
    for (const pid of left) kill(pid)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    left = members()
  }
  return left.length
}
