/** Finds the first process inside of a namespace that `bwrap` has made. */
import type { Readable } from 'node:stream'
import type { ProcessId } from './command-identity.ts'
import { factsOf, pidsSince } from './process-facts.ts'

const maxReportBytes = 4_096

/** Resolves with the id in bwrap's report; with undefined when bwrap ended without one. */
export async function readReport(report: Readable): Promise<ProcessId | undefined> {
  let text = ''
  try {
    for await (const chunk of report) {
      text += String(chunk)
      if (text.includes('}') || text.length > maxReportBytes) break
    }
  } finally {
    report.destroy()
  }
  const pid = Number(/"child-pid"\s*:\s*(\d+)/.exec(text)?.[1])
  const startTime = factsOf(pid)?.startTime
  return startTime === undefined ? undefined : { pid, startTime }
}

const pollMs = 2

/** Resolves with the child of `bwrap` when there can be no report, as in a terminal; with undefined when bwrap has ended without one. */
export async function findInit(outer: number, hasExited: () => boolean): Promise<ProcessId | undefined> {
  while (!hasExited()) {
    for (const pid of pidsSince(outer)) {
      const facts = factsOf(pid)
      if (facts?.parent === outer && !facts.isZombie) return { pid, startTime: facts.startTime }
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  return undefined
}
