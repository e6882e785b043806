/** `npm run simulate -- gateway --seeds 100 [--seed 1]`: hostile clients at the doors of a gateway. */
import { parseArgs } from 'node:util'
import { fuzzGateway } from './fuzz-gateway.ts'

/** Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { seeds: { type: 'string' }, seed: { type: 'string' } } })
  const first = Number(values.seed ?? '1')
  const count = Number(values.seeds ?? (values.seed === undefined ? '100' : '1'))
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count)) {
    console.error('--seed and --seeds must be whole numbers')
    return 2
  }
  const failed: number[] = []
  let attacks = 0
  let peak = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      const report = await fuzzGateway({ seed })
      attacks += report.attacks
      peak = Math.max(peak, report.peakBytes)
    } catch (error) {
      failed.push(seed)
      console.error(
        `\n${error instanceof Error ? error.message : String(error)}\nRepeat it with: npm run simulate -- gateway --seed ${seed}\n`,
      )
    }
    const done = seed - first + 1
    if (done % 20 === 0 || done === count)
      console.log(
        `${done} of ${count} seeds, ${attacks} attacks, ${failed.length} failed, at most ${Math.round(peak / 1e6)} MB for one attack`,
      )
  }
  return failed.length === 0 ? 0 : 1
}
