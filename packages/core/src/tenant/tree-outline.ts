/** A supervision tree in outline, small enough to be sent to another node. Pure. */
import type { TreeNode } from '@beamclaw/actor'
import { definedOnly } from '@beamclaw/actor/internal'
import type { JsonValue } from '../base/messages.ts'
import { isCount, isObject } from '../cluster/event-messages.ts'

/** A supervision tree of which the first children of each supervisor are shown. */
export interface TreeOutline extends Omit<TreeNode, 'children'> {
  /** Absent for a worker. */
  readonly children?: readonly TreeOutline[]
  /** Children that are not shown; absent when all are. */
  readonly more?: number
}

/** Supervisors below one another that are read from another node. */
const mostLevels = 32

const types: readonly unknown[] = ['worker', 'supervisor']

/** Returns a tree with at most `mostChildren` children of each supervisor. */
export function outlineOf({ children, ...node }: TreeNode, mostChildren: number): TreeOutline {
  if (children === undefined) return node
  const more = children.length - mostChildren
  const shown = children.slice(0, mostChildren).map((child) => outlineOf(child, mostChildren))
  return { ...node, children: shown, ...(more > 0 ? { more } : {}) }
}

/** Returns the outline that another node has sent, without what this version does not know; undefined for anything else. */
export function readOutline(value: JsonValue | undefined, levels = mostLevels): TreeOutline | undefined {
  if (!isObject(value) || levels === 0) return undefined
  const { id, type, state, restarts, mailboxLength, children, more } = value as Partial<Record<keyof TreeOutline, JsonValue>>
  if (typeof id !== 'string' || !types.includes(type) || typeof state !== 'string' || !isCount(restarts, 0) || !isCount(mailboxLength, 0))
    return undefined
  if (more !== undefined && !isCount(more, 0)) return undefined
  const read = children === undefined ? undefined : readChildren(children, levels - 1)
  if (children !== undefined && read === undefined) return undefined
  return { id, type, state, restarts, mailboxLength, ...definedOnly({ children: read, more }) } as TreeOutline
}

function readChildren(children: JsonValue, levels: number): readonly TreeOutline[] | undefined {
  if (!Array.isArray(children)) return undefined
  const read: TreeOutline[] = []
  for (const child of children) {
    const outline = readOutline(child as JsonValue, levels)
    if (outline === undefined) return undefined
    read.push(outline)
  }
  return read
}
