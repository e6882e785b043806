/** The nodes as the server listed them once, and what differs from the list before. Pure. */
import type { Member, MemberChange, NodeRef } from '@beamclaw/core'
import { decodeMember, type MemberRecord } from './member-record.ts'
import type { RedisReply } from './redis-client.ts'

/** One node of the list. */
export interface ListedNode {
  readonly incarnation: string
  /** The end of its membership by the server's clock, as the server writes it: another text is another renewal. */
  readonly ends: string
  /** Connections that hear its channel. */
  readonly listeners: number
  /** Undefined when this version cannot read it. */
  readonly record: MemberRecord | undefined
}

/** The list. */
export interface MemberView {
  /** The server's clock. */
  readonly now: number
  readonly nodes: readonly ListedNode[]
}

/** Returns the list in the reply of a script, which begins with `ok` and the time. */
export function readView([, now, ...nodes]: readonly RedisReply[]): MemberView {
  return {
    now: Number(now),
    nodes: nodes.map((node) => {
      const [incarnation, ends, listeners, record] = node as readonly RedisReply[]
      return { incarnation: String(incarnation), ends: String(ends), listeners: Number(listeners), record: decodeMember(record) }
    }),
  }
}

/** Returns the members among the nodes: those that joined. */
export function membersOf({ nodes }: MemberView): readonly Member[] {
  const members: Member[] = []
  for (const { incarnation, record } of nodes) {
    if (record === undefined || !record.isMember) continue
    const { id, state, load, wire, records } = record
    members.push({ id, incarnation, state, load, wire, records })
  }
  return members
}

/** Returns who came and who went between two lists; undefined when the members are the same. */
export function changeOf(before: readonly Member[], after: readonly Member[]): MemberChange | undefined {
  const had = new Set(before.map(({ incarnation }) => incarnation))
  const has = new Set(after.map(({ incarnation }) => incarnation))
  const joined = after.filter(({ incarnation }) => !had.has(incarnation))
  const left: NodeRef[] = []
  for (const { id, incarnation } of before) if (!has.has(incarnation)) left.push({ id, incarnation })
  return joined.length === 0 && left.length === 0 ? undefined : { joined, left }
}
