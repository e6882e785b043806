/** Reads the snapshot of the activity log. An unreadable name is reported and left out. Pure. */
import { parseSessionKey, type SessionKey } from '../../base/ids.ts'

/** Returns the busy sessions, and when each session last worked, the oldest first. */
export function readSnapshot(state: unknown, report: (what: string) => void): { busy: SessionKey[]; seen: [SessionKey, number][] } {
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
export function readKey(value: unknown): SessionKey | undefined {
  try {
    return parseSessionKey(value)
  } catch {
    return undefined
  }
}
