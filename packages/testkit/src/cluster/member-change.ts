/** What a node learns by comparing two lists of members. Pure. */
import type { Member, MemberChange, NodeRef } from '@beamclaw/core'

/** Returns what has joined and left among the members that are another node than `self`. A node that started again has done both. */
export function memberChange(before: readonly Member[], after: readonly Member[], self: NodeRef): MemberChange {
  const notIn = (list: readonly NodeRef[], node: NodeRef): boolean =>
    node.id !== self.id && !list.some(({ incarnation }) => incarnation === node.incarnation)
  return {
    joined: after.filter((member) => notIn(before, member)),
    left: before.filter((member) => notIn(after, member)).map(({ id, incarnation }) => ({ id, incarnation })),
  }
}
