/** Drills for crashes: the process kills itself right before or right after a chosen record of a session's journal became durable. */
import type { FencingToken, Log, LogRecord, Store, StoreKey } from '@beamclaw/core'
import { ConfigError } from './config/config-error.ts'

/** The record types of a session's journal. */
export const faultRecordTypes = [
  'message-in',
  'run-start',
  'run-resume',
  'run-pause',
  'run-steer',
  'run-cancel',
  'model-request',
  'model-response',
  'model-failure',
  'tool-intent',
  'tool-outcome',
  'history-compact',
  'run-end',
] as const

/** Where to die: at the `count`-th record of a type, over all sessions of this process. */
export interface FaultPoint {
  readonly when: 'before' | 'after'
  readonly recordType: (typeof faultRecordTypes)[number]
  readonly count: number
}

/** Reads `after:<record-type>[:N]` or `before:<record-type>[:N]`. Throws `ConfigError` for anything else. */
export function parseFaultPoint(text: string): FaultPoint {
  const [, when, name, count = '1'] = /^(before|after):([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? []
  const recordType = faultRecordTypes.find((type) => type === name)
  if ((when === 'before' || when === 'after') && recordType !== undefined) return { when, recordType, count: Number(count) }
  throw new ConfigError([
    `BEAMCLAW_FAULT: expected after:<record-type>[:N] or before:<record-type>[:N], with one of ${faultRecordTypes.join(', ')}`,
  ])
}

/** The store as it is, or, where the environment asks for a drill, one that ends this process. Throws `ConfigError`. */
export function withFaultPoint(store: Store, environment: Readonly<Record<string, string | undefined>>): Store {
  const text = environment.BEAMCLAW_FAULT
  if (text === undefined || text === '') return store
  return new FaultyStore(store, parseFaultPoint(text))
}

class FaultyStore implements Store {
  readonly get: Store['get']
  readonly put: Store['put']
  readonly delete: Store['delete']
  readonly list: Store['list']
  readonly stop: Store['stop']
  readonly #store: Store
  readonly #point: FaultPoint
  #seen = 0

  constructor(store: Store, point: FaultPoint) {
    this.#store = store
    this.#point = point
    this.get = (key) => store.get(key)
    this.put = (key, value, options) => store.put(key, value, options)
    this.delete = (key, options) => store.delete(key, options)
    this.list = (prefix, options) => store.list(prefix, options)
    this.stop = () => store.stop()
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<Log> {
    const log = await this.#store.openLog(key, token)
    return {
      append: async (records) => {
        const due = this.#indexOfDue(records)
        if (due === undefined) return log.append(records)
        // A batch may break anywhere: what comes before the point is durable, and nothing behind it.
        const durable = records.slice(0, this.#point.when === 'before' ? due : due + 1)
        if (durable.length > 0) await log.append(durable)
        die()
      },
      read: (fromSeq) => log.read(fromSeq),
      compact: (snapshot) => log.compact(snapshot),
      close: () => log.close(),
    }
  }

  #indexOfDue(records: readonly LogRecord[]): number | undefined {
    for (const [index, { type }] of records.entries()) {
      if (type === this.#point.recordType && ++this.#seen === this.#point.count) return index
    }
    return undefined
  }
}

/** Nothing runs after this, not even what is on the stack. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}
