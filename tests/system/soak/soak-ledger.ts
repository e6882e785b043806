/** The output and records of all processes of a soak: no record may change after it was first read. */
import type { SendReceipt } from '@beamclaw/core'
import type { AgentLine } from '../lab/agent.ts'
import { JournalFiles, type JournalRecord } from '../lab/journal-files.ts'
import { problemsIn } from '../lab/journals.ts'
import type { SideEffect } from '../lab/tools.ts'

interface Told {
  readonly session: string
  readonly seq: number
  readonly runId: string
}

const keyPrefix = 'agent:main:'

export class SoakLedger {
  readonly problems: string[] = []
  readonly #data: string
  readonly #journals = new Map<string, JournalRecord[]>()
  readonly #marks = new Map<string, string>()
  readonly #receipts = new Map<string, SendReceipt[]>()
  #told: Told[] = []
  #records = 0

  constructor(data: string) {
    this.#data = data
  }

  get records(): number {
    return this.#records
  }

  /** Takes in a line that a process has printed. */
  hear({ session, receipt, event }: AgentLine): void {
    if (receipt !== undefined && session !== undefined) {
      const name = session.slice(keyPrefix.length)
      this.#receipts.set(name, [...(this.#receipts.get(name) ?? []), receipt])
      this.#told.push({ session: name, seq: receipt.seq, runId: receipt.runId })
    }
    if (event !== undefined && 'seq' in event)
      this.#told.push({ session: event.sessionKey.slice(keyPrefix.length), seq: event.seq, runId: event.runId })
  }

  /** Reads the records since the last check, while no process writes, and compares the clients' view with them. */
  harvest(): void {
    const files = new JournalFiles(this.#data)
    for (const session of files.sessions()) {
      const mark = files.mark(session)
      if (this.#marks.get(session) === mark) continue
      this.#marks.set(session, mark)
      this.#merge(session, files.journal(session))
    }
    for (const { session, seq, runId } of this.#told) {
      if (this.#journals.get(session)?.[seq - 1]?.data.runId !== runId)
        this.problems.push(`I7: ${session} was told of record ${seq} of "${runId}", which is not there`)
    }
    this.#told = []
  }

  /** True when a message's run, or the one it joined, has ended. */
  isDone(session: string, runId: string): boolean {
    const records = this.#journals.get(session) ?? []
    const hosts = new Set([runId])
    for (const { type, data } of records) {
      if (type === 'run-start' && data.merged?.includes(runId) === true) hosts.add(data.runId)
      if (type === 'run-steer' && data.from === runId) hosts.add(data.runId)
    }
    return records.some(({ type, data }) => type === 'run-end' && hosts.has(data.runId))
  }

  /** Checks every journal once all runs should have ended. */
  checkAll(effects: readonly SideEffect[]): void {
    const bySession = new Map<string, SideEffect[]>()
    const owner = new Map<string, string>()
    for (const [session, records] of this.#journals) for (const { data } of records) owner.set(data.runId, session)
    for (const effect of effects) {
      const session = owner.get(effect.runId)
      if (session === undefined) this.problems.push(`I3: ${effect.tool} ran for "${effect.runId}", which no journal knows`)
      else bySession.set(session, [...(bySession.get(session) ?? []), effect])
    }
    for (const [session, records] of this.#journals) {
      for (const problem of problemsIn(records, this.#receipts.get(session) ?? [], bySession.get(session) ?? []))
        this.problems.push(`${session}: ${problem}`)
    }
  }

  #merge(session: string, records: readonly JournalRecord[]): void {
    const known = this.#journals.get(session) ?? []
    this.#journals.set(session, known)
    const last = records.at(-1)?.seq ?? known.length
    if (last < known.length) this.problems.push(`G1: ${session} had ${known.length} records and has ${last}`)
    for (const record of records) {
      const before = known[record.seq - 1]
      if (before === undefined && record.seq !== known.length + 1) {
        this.problems.push(`harness: ${session} was compacted before its records up to ${record.seq} were read`)
        return
      }
      if (before === undefined) {
        known.push(record)
        this.#records++
      } else if (before.type !== record.type || before.data.runId !== record.data.runId) {
        this.problems.push(
          `I2: record ${record.seq} of ${session} was ${before.type} of "${before.data.runId}" and is ${record.type} of "${record.data.runId}"`,
        )
      }
    }
  }
}
