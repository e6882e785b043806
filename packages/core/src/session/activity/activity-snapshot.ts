/** Reads the records and the snapshot of an activity log. An unreadable name is reported and left out. Pure. */
import { parseSessionKey, type SessionKey } from '../../base/ids.ts'
import type { LogContents } from '../../ports/store.ts'

/** What a log says. */
export interface Activity {
  readonly busy: ReadonlySet<SessionKey>
  /** When sessions last worked, in the order of their records; a deleted session has `undefined`. */
  readonly seen: readonly (readonly [SessionKey, number | undefined])[]
  readonly hasDeleted: boolean
}

/** Returns what a log says. */
export function foldActivity({ snapshot, records }: LogContents, report: (what: string) => void): Activity {
  const before = readSnapshot(snapshot?.state, report)
  const busy = new Set(before.busy)
  const seen: [SessionKey, number | undefined][] = before.seen
  let hasDeleted = false
  for (const { seq, type, data, ts } of records) {
    const key = readKey(data?.sessionKey)
    if (key === undefined) {
      report(`record ${seq}`)
      continue
    }
    if (type === 'busy') busy.add(key)
    else busy.delete(key)
    hasDeleted ||= type === 'gone'
    seen.push([key, type === 'gone' ? undefined : ts])
  }
  return { busy, seen, hasDeleted }
}

/** Returns the busy sessions, and when each session last worked, the oldest first. */
function readSnapshot(state: unknown, report: (what: string) => void): { busy: SessionKey[]; seen: [SessionKey, number][] } {
  const { busy = [], seen = [] } = (typeof state === 'object' && state !== null ? state : {}) as Partial<Record<string, unknown>>
  const keys: SessionKey[] = []
  for (const [index, text] of listOf(busy).entries()) {
    const key = readKey(text)
    if (key === undefined) report(`busy[${index}] of the snapshot`)
    else keys.push(key)
  }
  const times: [SessionKey, number][] = []
  for (const [index, pair] of listOf(seen).entries()) {
    const [text, at] = listOf(pair)
    const key = readKey(text)
    if (key === undefined || typeof at !== 'number') report(`seen[${index}] of the snapshot`)
    else times.push([key, at])
  }
  return { busy: keys, seen: times }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Returns the session key; undefined for a value that is not one. */
function readKey(value: unknown): SessionKey | undefined {
  try {
    return parseSessionKey(value)
  } catch {
    return undefined
  }
}
