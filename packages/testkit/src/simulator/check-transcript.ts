/** The invariants of a transcript once all work of its session has ended. */
import type { RunningBeamClaw } from '@beamclaw/core'
import type { DurableHistory } from './durable-history.ts'
import type { Trace } from './trace.ts'

/** Reads the transcript in pages: each user message of a run that has started is in it once, and the pages are what one page has. */
export async function checkTranscript(running: RunningBeamClaw, session: string, history: DurableHistory, trace: Trace): Promise<void> {
  const handle = running.session(session)
  const whole = await handle.history({ limit: 100_000 })
  const paged: (typeof whole.messages)[number][] = []
  for (let before = whole.total; before > 0; ) {
    const { messages } = await handle.history({ before, limit: 20 })
    before = messages[0]?.index ?? 0
    paged.unshift(...messages)
  }
  if (JSON.stringify(paged) !== JSON.stringify(whole.messages)) trace.fail('I7', `the pages of the history of ${session} differ`)
  if (whole.messages.length !== whole.total) trace.fail('I7', `${session} has ${whole.messages.length} of ${whole.total} messages`)
  const records = history.recordsOf(session)
  const started = records.flatMap(({ type, data }) => {
    if (type === 'run-steer') return [String(data.from)]
    return type === 'run-start' ? [String(data.runId), ...((data.merged ?? []) as string[])] : []
  })
  const said = whole.messages.filter(({ message }) => message.role === 'user').map(({ runId }) => String(runId))
  if (said.join() !== [...new Set(said)].join()) trace.fail('I1', `a message of ${session} was said twice: ${said.join(' ')}`)
  for (const runId of said) if (!started.includes(runId)) trace.fail('I1', `${runId} of ${session} was said, and its run has not started`)
  const answers = records.filter(({ type }) => type === 'model-response').length
  if (whole.messages.filter(({ message }) => message.role === 'assistant').length !== answers)
    trace.fail('I1', `the history of ${session} has not each of its ${answers} answers once`)
}
