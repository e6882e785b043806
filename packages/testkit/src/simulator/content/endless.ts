/** Endless answers and tools, and how they react to an abort signal. */
import { type Clock, type ProviderPart, type Random, type ToolOutput, zeroUsage } from '@beamclaw/core'
import { pickOne } from '../../seeded-random.ts'

/** Characters of an answer that no spoiled store takes. */
const hugeLength = 300_000

const finish: ProviderPart = { type: 'finish', reason: 'stop', usage: zeroUsage }

const endings = ['hangs', 'is deaf', 'stays open', 'goes on for ever', 'is huge'] as const

/** An answer that does not end. */
export async function* endlessAnswer(random: Random, clock: Clock, signal: AbortSignal): AsyncGenerator<ProviderPart> {
  const ending = pickOne(random, endings)
  yield { type: 'text-delta', text: ending === 'is huge' ? 'x'.repeat(hugeLength) : ending }
  if (ending === 'is huge' || ending === 'stays open') yield finish
  if (ending === 'is huge') return
  if (ending === 'hangs') await untilAborted(signal)
  for (;;) {
    if (ending !== 'goes on for ever') await new Promise(() => {})
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 1_000))
    yield { type: 'text-delta', text: 'more ' }
  }
}

/** An output that never comes, whether the tool hears its signal or not. */
export function endlessOutput(random: Random, signal: AbortSignal): Promise<ToolOutput> {
  return random.next() < 0.5 ? new Promise(() => {}) : untilAborted(signal)
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
