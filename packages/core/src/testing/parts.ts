/** Drills: kill a branch of the tree, and move a session. */
import type { TreeNode } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { partsId } from '../part/parts-branch.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'

/** The drills of the object's own class: another copy of the class has no access to its private fields. */
interface Drills {
  killPart(running: RunningBeamClaw, id: string): void
  giveSession(running: RunningBeamClaw, key: string, to: string): Promise<boolean>
}

const drillsOf = (running: RunningBeamClaw): Drills => running.constructor as unknown as Drills

/** Kills one part of the default tenant (`sessions`, `tools`, …), which its supervisor restarts. Throws `child-not-found` while it does not run. */
export function killPart(running: RunningBeamClaw, id: string): void {
  drillsOf(running).killPart(running, id)
}

/** Hands a session of the default tenant to another node that is up. Resolves with whether it has left: one that has work stays. Never rejects. */
export function giveSession(running: RunningBeamClaw, key: string, to: string): Promise<boolean> {
  return drillsOf(running).giveSession(running, key, to)
}

/** Kills the default tenant's tools again and again, until every supervisor above them has reached its restart limit. */
export async function killUntilEnded(running: RunningBeamClaw): Promise<void> {
  while (running.isRunning) {
    if (partTree(running, 'tools')?.state === 'running') killPart(running, 'tools')
    await flushEventLoop()
  }
}

/** Returns the branch of one part of a tenant in `tree()`; undefined while there is none. */
export function partTree(running: RunningBeamClaw, id: string, tenant = 'default'): TreeNode | undefined {
  const tenants = running.tree().children?.find((node) => node.id === 'tenants')
  const parts = tenants?.children?.find((node) => node.id === tenant)?.children ?? []
  const own = parts.find((node) => node.id === partsId)?.children ?? []
  return [...parts, ...own].find((node) => node.id === id)
}
