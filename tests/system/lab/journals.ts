/** Waits for sessions' journals on the disk, and says what in them breaks a promise. */
import { existsSync, readFileSync } from 'node:fs'
import type { SendReceipt } from '@beamclaw/core'
import { type JournalRecord, readJournal } from './journal-files.ts'
import type { SideEffect } from './tools.ts'

/** Resolves with a journal's records as soon as `isReached` says so of them. */
export async function journalUntil(
  data: string,
  session: string,
  isReached: (records: readonly JournalRecord[]) => boolean,
): Promise<readonly JournalRecord[]> {
  for (;;) {
    const records = glance(data, session)
    if (isReached(records)) return records
    // A file cannot tell that it has grown; the runner's deadline ends a wait for nothing.
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Resolves once so many runs have ended. */
export function runsEnded(data: string, count = 1, session = 'first'): Promise<readonly JournalRecord[]> {
  return journalUntil(data, session, (records) => recordsOf(records, 'run-end').length >= count)
}

/** Returns nothing while another process is opening the journal. */
function glance(data: string, session: string): readonly JournalRecord[] {
  try {
    return readJournal(data, session)
  } catch {
    return []
  }
}

export function recordsOf(records: readonly JournalRecord[], type: string): readonly JournalRecord[] {
  return records.filter((record) => record.type === type)
}

/** The traces that tools left. */
export function effectsIn(file: string): readonly SideEffect[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as SideEffect)
}

/** The runs that a message became part of: its own, or one that it joined. */
function hostsOf(records: readonly JournalRecord[], runId: string): readonly string[] {
  const joins = ({ type, data: { runId: host, merged = [], from } }: JournalRecord): boolean =>
    type === 'run-start' ? host === runId || merged.includes(runId) : type === 'run-steer' && from === runId
  return records.filter(joins).map(({ data }) => data.runId)
}

function wasAbortedWaiting(records: readonly JournalRecord[], runId: string): boolean {
  const ends = recordsOf(records, 'run-end').filter(({ data }) => data.runId === runId)
  return hostsOf(records, runId).length === 0 && ends.length === 1 && ends[0]?.data.outcome === 'aborted'
}

/** Returns the history of a message, for messages of failures. */
function storyOf(records: readonly JournalRecord[], runId: string): string {
  const own = records.filter(({ data }) => data.runId === runId || data.merged?.includes(runId) === true || data.from === runId)
  return own
    .map(({ seq, generation, type, data }) => `${seq}/e${generation} ${type}${data.outcome === undefined ? '' : ` ${data.outcome}`}`)
    .join(', ')
}

/** Returns true when all messages that `counts` are over. */
export function isAtRest(records: readonly JournalRecord[], counts: (runId: string) => boolean = () => true): boolean {
  const ended = new Set(recordsOf(records, 'run-end').map(({ data }) => data.runId))
  const messages = recordsOf(records, 'message-in').map(({ data }) => data.runId)
  return messages.filter(counts).every((runId) => ended.has(runId) || hostsOf(records, runId).some((host) => ended.has(host)))
}

/** Broken promises of a session all of whose runs should have ended, a line each. */
export function problemsIn(records: readonly JournalRecord[], receipts: readonly SendReceipt[], effects: readonly SideEffect[]): string[] {
  const counted = (type: string, runId: string): number => records.filter((one) => one.type === type && one.data.runId === runId).length
  const problems: string[] = []
  const must = (isKept: boolean, problem: string): void => {
    if (!isKept) problems.push(problem)
  }
  // After a snapshot that drops its records, the log begins later.
  const first = records[0]?.seq ?? 1
  for (const [index, { seq, generation }] of records.entries()) {
    must(seq === first + index, `I2: record ${first + index} has the number ${seq}`)
    must(generation >= (records[index - 1]?.generation ?? 0), `I2: record ${seq} is of an older owner than the one before`)
  }
  for (const { runId, seq } of receipts) {
    if (seq < first) continue
    const record = records[seq - first]
    must(record?.data.runId === runId && record.type === 'message-in', `G6: "${runId}" was acknowledged, and is not there`)
  }
  for (const { data } of recordsOf(records, 'message-in')) {
    const { runId } = data
    const hosts = hostsOf(records, runId)
    must(counted('message-in', runId) === 1, `I1: "${runId}" was accepted ${counted('message-in', runId)} times`)
    must(hosts.length === 1 || wasAbortedWaiting(records, runId), `I1: "${runId}" has ${hosts.length} runs: ${storyOf(records, runId)}`)
  }
  for (const { data } of recordsOf(records, 'run-start')) {
    must(
      counted('run-end', data.runId) === 1,
      `I4: run "${data.runId}" has ${counted('run-end', data.runId)} ends: ${storyOf(records, data.runId)}`,
    )
  }
  return [...problems, ...toolProblems(records, effects)]
}

const mayRepeat = new Set(['lookup', 'bomb'])

function toolProblems(records: readonly JournalRecord[], effects: readonly SideEffect[]): string[] {
  const intents = recordsOf(records, 'tool-intent').map(({ data }) => data)
  const runs = new Set(records.map(({ data }) => data.runId))
  const own = effects.filter(({ runId }) => runs.has(runId))
  return own.flatMap(({ tool, toolCallId }) => {
    const starts = own.filter((effect) => effect.toolCallId === toolCallId).length
    const written = intents.filter((intent) => intent.toolCallId === toolCallId).length
    if (starts > written) return [`I3: ${toolCallId} started ${starts} times and was written down ${written} times`]
    return !mayRepeat.has(tool) && starts > 1 ? [`I3: ${toolCallId} started ${starts} times`] : []
  })
}
