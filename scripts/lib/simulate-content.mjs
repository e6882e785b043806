// `npm run simulate -- content --seeds 1000 [--seed 1] [--steps 60]`: odd content, one life for each seed.
import { parseArgs } from 'node:util'
import { fail } from './workspace.mjs'

export async function runContentSimulation(args) {
  const { values } = parseArgs({
    args,
    options: { seeds: { type: 'string' }, seed: { type: 'string' }, steps: { type: 'string' } },
  })
  const first = wholeNumber('seed', values.seed ?? '1')
  const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '500' : '1'))
  const steps = values.steps === undefined ? {} : { steps: wholeNumber('steps', values.steps) }
  const { simulateContent } = await import('../../packages/testkit/src/simulator/content/simulate-content.ts')
  const startedAt = performance.now()
  const failed = []
  const total = { accepted: 0, refused: 0, starts: 0 }
  let seed = first
  const unhandled = (error) => {
    failed.push(seed)
    console.error(`\nseed ${seed}: an unhandled rejection: ${error?.stack ?? String(error)}\n`)
  }
  process.on('unhandledRejection', unhandled)
  for (; seed < first + count; seed++) {
    try {
      const report = await simulateContent({ seed, ...steps })
      for (const name of Object.keys(total)) total[name] += report[name]
    } catch (error) {
      failed.push(seed)
      console.error(`\n${error.stack}\n${error.cause?.stack ?? ''}\nRepeat it with: npm run simulate -- content --seed ${seed}`)
    }
  }
  process.off('unhandledRejection', unhandled)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(
    `${count} seeds, ${failed.length} failed, ${total.accepted} messages accepted, ${total.refused} refused, ${total.starts} starts, ${seconds} s`,
  )
  if (failed.length > 0) fail(`these seeds failed: ${[...new Set(failed)].slice(0, 50).join(', ')}`)
}

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number, received "${text}"`)
}
