/** `npm run simulate -- conversations --seeds 1000 [--seed 1] [--steps 60]`: whole conversations, every request judged. */
import { parseArgs } from 'node:util'
import { simulateConversations } from './simulate-conversations.ts'

/** Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seeds: { type: 'string' }, seed: { type: 'string' }, steps: { type: 'string' } },
  })
  const first = Number(values.seed ?? '1')
  const count = Number(values.seeds ?? (values.seed === undefined ? '500' : '1'))
  const steps = Number(values.steps ?? '60')
  if (![first, count, steps].every((value) => Number.isSafeInteger(value) && value > 0)) {
    console.error('--seed, --seeds and --steps must be whole numbers of at least 1')
    return 2
  }
  const failed: number[] = []
  let requests = 0
  let summaries = 0
  let changes = 0
  let crashes = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      const report = await simulateConversations({ seed, steps })
      requests += report.requests
      summaries += report.summaries
      changes += report.changes
      crashes += report.crashes
    } catch (error) {
      failed.push(seed)
      console.error(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      console.error(`Repeat it with: npm run simulate -- conversations --seed ${seed} --steps ${steps}\n`)
    }
    const done = seed - first + 1
    if (done % 100 === 0 || done === count)
      console.log(
        `${done} of ${count} seeds, ${failed.length} failed, ${requests} requests, ${summaries} summaries asked for, ${changes} agents removed or back, ${crashes} crashes of parts`,
      )
  }
  return failed.length === 0 ? 0 : 1
}
