/** The invariants of the journals once all work has ended. */
import type { LogEntry } from '@beamclaw/core'
import type { DurableHistory } from './durable-history.ts'
import type { Trace } from './trace.ts'

/** Checks I1 and I4 over the journals. `accepted` has, for each session, the keys that were acknowledged as durable. */
export function checkJournals(accepted: ReadonlyMap<string, ReadonlySet<string>>, history: DurableHistory, trace: Trace): void {
  for (const session of history.sessions) {
    const records = history.recordsOf(session)
    const promised = accepted.get(session) ?? new Set<string>()
    for (const run of new Set([...promised, ...runsOf(records, 'message-in')])) checkRun(session, run, promised.has(run), records, trace)
    for (const run of new Set(runsOf(records, 'run-start'))) {
      if (count(records, 'run-start', run) !== 1) trace.fail('I4', `run ${run} of ${session} has started twice`)
      if (ends(records, run) === 0 && isUnseen(run, promised, records)) continue
      if (count(records, 'run-end', run) !== 1) trace.fail('I4', `run ${run} of ${session} has started, and has ${ends(records, run)} ends`)
    }
  }
}

/** True for a run that was promised to no sender and has done nothing: it goes on when its session is next used. */
function isUnseen(run: string, promised: ReadonlySet<string>, records: readonly LogEntry[]): boolean {
  if (count(records, 'model-response', run) + count(records, 'tool-intent', run) > 0) return false
  return ![...promised].some((key) => key === run || hostsOf(key, records).includes(run))
}

function checkRun(session: string, run: string, isPromised: boolean, records: readonly LogEntry[], trace: Trace): void {
  const messages = count(records, 'message-in', run)
  if (messages !== 1) trace.fail('I1', `${run} of ${session} is ${messages} times in the journal`)
  const hosts = hostsOf(run, records)
  if (hosts.length > 1) trace.fail('I1', `${run} of ${session} is part of the runs ${hosts.join(', ')}`)
  const [host = run] = hosts
  // It was never acknowledged; a repeat with the same key finds it.
  if (!isPromised && ends(records, host) === 0) return
  if (ends(records, host) !== 1) trace.fail('I1', `${run} of ${session} was accepted, and its run ${host} has ${ends(records, host)} ends`)
}

/** The runs that a message became part of. */
function hostsOf(run: string, records: readonly LogEntry[]): readonly string[] {
  const hosts: string[] = []
  let isOver = false
  for (const { type, data } of records) {
    const merged = data.merged
    // A run that was cancelled in the moment it was to begin ends before it starts.
    if (type === 'run-end' && data.runId === run && hosts.length === 0) isOver = true
    const joins =
      (type === 'run-start' && (data.runId === run || (Array.isArray(merged) && merged.includes(run)))) ||
      (type === 'run-steer' && data.from === run)
    if (joins && !isOver) hosts.push(String(data.runId))
  }
  return isOver ? [run] : hosts
}

function runsOf(records: readonly LogEntry[], type: string): string[] {
  return records.filter((record) => record.type === type).map(({ data }) => String(data.runId))
}

function count(records: readonly LogEntry[], type: string, run: string): number {
  return runsOf(records, type).filter((one) => one === run).length
}

function ends(records: readonly LogEntry[], run: string): number {
  return count(records, 'run-end', run)
}
