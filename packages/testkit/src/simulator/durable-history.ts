/** Stands before a store and remembers every record that became durable, also those that a snapshot has dropped since. */

import type { AppendLog, JsonValue, LogEntry, Store, StoreKey } from '@beamclaw/core'
import { wrapLog } from '@beamclaw/core/adapter'
import type { Trace } from './trace.ts'

/** The durable records of one log. */
interface LogHistory {
  readonly records: LogEntry[]
  opened: number
  /** The records up to here were dropped with a snapshot. */
  compacted: number
}

export class DurableHistory {
  readonly store: Store
  readonly #trace: Trace
  readonly #logs = new Map<string, LogHistory>()

  constructor(store: Store, trace: Trace) {
    this.#trace = trace
    this.store = {
      blobs: store.blobs,
      index: store.index,
      get: (key) => store.get(key),
      put: (key, value, options) => store.put(key, value, options),
      delete: (key, options) => store.delete(key, options),
      list: (prefix, options) => store.list(prefix, options),
      openLog: async (key, token) => this.#watched(key, await store.openLog(key, token)),
      readLog: (key, options) => store.readLog(key, options),
      deleteLog: async (key, token) => {
        const wasThere = await store.deleteLog(key, token)
        this.#logs.delete(logName(key))
        return wasThere
      },
      stop: async () => {},
    }
  }

  /** Names of the sessions' logs that have records. */
  get sessions(): readonly string[] {
    return [...this.#logs.keys()].filter((name) => name.startsWith('agent:'))
  }

  /** Every record of a session, oldest first. */
  recordsOf(session: string): readonly LogEntry[] {
    return this.#logs.get(session)?.records ?? []
  }

  /** The last record of a session that was dropped with a snapshot; 0 without one. */
  compactedTo(session: string): number {
    return this.#logs.get(session)?.compacted ?? 0
  }

  /** The sessions that the activity log names as busy; of several nodes, those that any list of theirs names. */
  get busySessions(): readonly JsonValue[] {
    return ['activity', ...this.workLists].flatMap((name) => this.#busyIn(name))
  }

  /** Names of the lists of busy sessions of nodes that are not alone: `work:` and the incarnation. */
  get workLists(): readonly string[] {
    return [...this.#logs.keys()].filter((name) => name.startsWith('work:'))
  }

  #busyIn(name: string): readonly JsonValue[] {
    const busy = new Set<JsonValue>()
    for (const { type, data } of this.#logs.get(name)?.records ?? []) {
      if (type === 'busy') busy.add(data.sessionKey ?? null)
      else busy.delete(data.sessionKey ?? null)
    }
    return [...busy]
  }

  #watched(key: StoreKey, log: AppendLog): AppendLog {
    const name = logName(key)
    const history = this.#logs.get(name) ?? { records: [], opened: 0, compacted: 0 }
    this.#logs.set(name, history)
    const opening = ++history.opened
    return wrapLog(log, {
      append: async (records) => {
        const openings = history.opened
        await log.append(records)
        if (opening < openings) this.#trace.fail('I2', `owner ${opening} of ${name} has written after owner ${openings} opened it`)
        for (const record of records) this.#add(name, history, record)
      },
      snapshot: async (snapshot, options) => {
        await log.snapshot(snapshot, options)
        if (options?.dropRecords === true) history.compacted = snapshot.seq
      },
    })
  }

  #add(name: string, { records }: LogHistory, record: LogEntry): void {
    const known = records[record.seq - 1]
    if (known === undefined && record.seq === records.length + 1) {
      records.push(record)
      this.#trace.add(`  ${name} ${record.seq} ${describe(record)}`)
    } else if (known?.id !== record.id) {
      this.#trace.fail('I2', `${name} has ${records.length} records and took another one as number ${record.seq}`)
    }
  }
}

function describe({ type, data }: LogEntry): string {
  const { runId, merged, from, outcome, toolCallId, turn, attempt, failure, reason, queueMode } = data
  const code = (failure as { code?: string } | undefined)?.code
  const of = data.sessionKey ?? runId
  const facts = { merged, from, outcome, toolCallId, turn, attempt, code, reason, queueMode }
  const shown = Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${String(value)}`]))
  return [type, of, ...shown].join(' ')
}

function logName(key: StoreKey): string {
  if (key[1] === 'work') return key.slice(1).join(':')
  return key[1] === 'activity' ? 'activity' : `agent:${key.slice(2).join(':')}`
}
