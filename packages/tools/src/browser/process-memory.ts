/** How much memory a process and its descendants use, from `/proc`. */
import { readFileSync } from 'node:fs'
import { allPids, factsOf } from '../sandboxes/process-facts.ts'

/** Returns the bytes that a process and its descendants hold for themselves (not counting what they share); 0 where the system has no `/proc`. */
export function memoryOfTree(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + memoryOf(one), 0)
}

/** Returns the ids of a process and its descendants. */
function treeOf(root: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const pid of allPids()) {
    const { parent } = factsOf(pid) ?? {}
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

function memoryOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return (
      ['RssAnon', 'VmSwap'].reduce((sum, name) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0), 0) * 1024
    )
  } catch {
    return 0
  }
}
