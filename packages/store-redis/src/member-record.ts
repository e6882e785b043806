/** A member as it is written in Redis, and read from there: another version may have written it, or another program. Pure. */
import { type JsonValue, type Member, type NodeId, parseNodeId, type VersionRange } from '@beamclaw/core'

/** What a node tells the others of itself. */
export interface MemberRecord extends Omit<Member, 'incarnation'> {
  /** False for a node that has leases and did not join: it is alive, and no member. */
  readonly isMember: boolean
  /** Milliseconds between its heartbeats, and until its membership ends without one. */
  readonly heartbeatMs: number
  readonly ttlMs: number
}

/** Returns the text of a record: the node's id, which scripts read, and JSON. */
export function encodeMember({ id, ...rest }: MemberRecord): string {
  return `${id} ${JSON.stringify(rest)}`
}

/** Returns the record; undefined for a text that is none. */
export function decodeMember(text: unknown): MemberRecord | undefined {
  if (typeof text !== 'string') return undefined
  const space = text.indexOf(' ')
  try {
    const id: NodeId = parseNodeId(text.slice(0, space))
    const { state, load, wire, records, isMember, heartbeatMs, ttlMs } = JSON.parse(text.slice(space + 1)) as Readonly<
      Record<string, JsonValue>
    >
    if ((state !== 'up' && state !== 'draining') || typeof isMember !== 'boolean') return undefined
    if (!isCount(load) || !isCount(heartbeatMs) || !isCount(ttlMs) || !isRange(wire) || !isRange(records)) return undefined
    return { id, state, load, wire, records, isMember, heartbeatMs, ttlMs }
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isRange(value: unknown): value is VersionRange {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isInteger)
}
