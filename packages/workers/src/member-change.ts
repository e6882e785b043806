/** What changes between two lists of members. Pure. */
import type { Member, MemberChange, NodeRef } from '@beamclaw/core'

/** Returns who joined and who left, without the worker itself. */
export function memberChange(before: readonly Member[], now: readonly Member[], self: NodeRef): MemberChange {
  const isOther = ({ incarnation }: Member): boolean => incarnation !== self.incarnation
  const [had, has] = [before, now].map((list) => new Set(list.map(({ incarnation }) => incarnation))) as [Set<string>, Set<string>]
  return {
    joined: now.filter((member) => isOther(member) && !had.has(member.incarnation)),
    left: before.filter((member) => isOther(member) && !has.has(member.incarnation)).map(({ id, incarnation }) => ({ id, incarnation })),
  }
}
