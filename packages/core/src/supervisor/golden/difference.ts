/** Compares what our supervisors do with a recording, and says in words where they part. */
import { isDeepStrictEqual } from 'node:util'
import { type GoldenCase, play } from './trace-driver.ts'

/** Plays a recorded case on ours. Returns undefined where both did the same, else the case and both traces from where they part. */
export async function differenceOf(golden: GoldenCase): Promise<string | undefined> {
  const { trace, final, ...script } = golden
  let played: Awaited<ReturnType<typeof play>>
  try {
    played = await withinRounds(play(script), script.name)
  } catch (error) {
    return `${describeCase(golden)}\n  ours failed: ${error instanceof Error ? error.stack : String(error)}`
  }
  const theirs = [...inEitherOrder(trace), `final ${JSON.stringify(final)}`]
  const ours = [...inEitherOrder(played.trace), `final ${JSON.stringify(played.final)}`]
  if (isDeepStrictEqual(theirs, ours)) return undefined
  const parted = theirs.findIndex((line, index) => line !== ours[index])
  const at = parted === -1 ? theirs.length : parted
  const shown = (lines: readonly string[]): string =>
    lines
      .slice(Math.max(0, at - 4))
      .map((line, index) => `    ${index + Math.max(0, at - 4) === at ? '→' : ' '} ${line}`)
      .join('\n')
  return `${describeCase(golden)}\n  OTP:\n${shown(theirs)}\n  ours:\n${shown(ours)}`
}

/**
 * The recorder detects ends that are not logged when the next event comes in, newest first. So the order of such lines that stand
 * side by side says nothing; they are sorted.
 */
function inEitherOrder(trace: readonly string[]): string[] {
  const result: string[] = []
  let run: string[] = []
  for (const line of trace) {
    if (/^(killed|supervisor-exit) /.test(line)) run.push(line)
    else {
      result.push(...run.sort(), line)
      run = []
    }
  }
  return [...result, ...run.sort()]
}

// A play that waits for something that never happens must not hang the run: it moves on by turns of the event loop alone.
async function withinRounds<T>(playing: Promise<T>, name: string): Promise<T> {
  let isDone = false
  const done = playing.finally(() => {
    isDone = true
  })
  done.catch(() => {})
  for (let round = 0; round < 20_000 && !isDone; round++) await new Promise((resolve) => setImmediate(resolve))
  if (!isDone) throw new Error(`${name} waits for something that never happens`)
  return done
}

function describeCase({ name, supervisor, children, steps }: GoldenCase): string {
  const lines = [
    name,
    `  supervisor ${JSON.stringify(supervisor)}`,
    ...children.map((child) => `  child ${JSON.stringify(child)}`),
    ...steps.map((step) => `  step ${JSON.stringify(step)}`),
  ]
  return lines.join('\n')
}
