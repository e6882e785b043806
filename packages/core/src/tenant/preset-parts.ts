/** The parts that every tenant has. */
import { DynamicSupervisor, ResourceActor, TaskSupervisor } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import type { ApprovalDesk } from '../approval/approval-gate.ts'
import type { AgentId, SessionKey, TenantId } from '../base/ids.ts'
import type { Part } from '../part/part.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import type { ActivityLog } from '../session/activity/activity-log.ts'
import type { ResumeMode } from '../session/activity/activity-log-options.ts'
import { withoutJournal } from '../session/activity/unfinished-deletions.ts'
import { type WakeOutcome, Waker } from '../session/activity/waker.ts'
import { WorkSweeper } from '../session/activity/work-sweeper.ts'
import type { IndexFilling } from '../session/listing/index-filling.ts'
import { RetentionSweep } from '../session/retention/retention-sweep.ts'
import type { SessionRouter } from '../session/session-router.ts'

/** Id of the part that opens the activity log of a tenant. */
export const activityPartId = 'activity'

/** The longest delay of a timer: a store may wait for the lock of another process, and a list may take long to rebuild. */
const longestMs = 2_147_483_647

/** Restarts of sessions, of all sessions of a tenant together, that are allowed within five seconds. */
const sessionRestarts = 100

/** What the present incarnation of a part made. */
export interface Holder<T> {
  current: T | undefined
}

/** What the parts share. */
export interface Preset {
  readonly node: { readonly store: Store; readonly cluster: Cluster; readonly agents: ReadonlyMap<AgentId, AgentDefinition> }
  readonly approvals: ApprovalDesk
  readonly activity: ActivityLog
  readonly router: SessionRouter
  readonly waker: Holder<Waker>
  readonly sweep: Holder<RetentionSweep>
  readonly sweeper: Holder<WorkSweeper>
  readonly resume: ResumeMode
  readonly filling: IndexFilling
  /** How many sessions are at work again, of those that were found in journals. */
  readonly woken: readonly Promise<number>[]
  readonly onResumed: (count: Promise<number>) => void
}

/** Returns the parts that start before those of the host, in their order. */
export function presetParts(preset: Preset): readonly Part[] {
  return [
    activityPart(preset.activity),
    { id: 'tools', start: () => ({ start: () => new TaskSupervisor({ id: 'tools' }) }) },
    { id: 'sessions', start: () => ({ start: () => new DynamicSupervisor({ id: 'sessions', maxRestarts: sessionRestarts }) }) },
    approvalsPart(preset.approvals),
    retentionPart(preset),
  ]
}

/** Owns the activity log, which records the sessions that have work: opened before the sessions, closed after them. */
function activityPart(activity: ActivityLog): Part {
  const open = async (): Promise<void> => {
    await activity.open()
  }
  const actor = (): ResourceActor => new ResourceActor({ open, close: () => activity.close(), release: () => activity.kill() })
  return { id: activityPartId, start: () => ({ start: actor, shutdownMs: 'infinity', startTimeoutMs: longestMs }) }
}

/** Watches the deadlines of requests for approval: opened before sessions are woken, which may have some. */
function approvalsPart(approvals: ApprovalDesk): Part {
  const actor = (): ResourceActor =>
    new ResourceActor({ open: () => approvals.open(), close: () => approvals.close(), release: () => approvals.close() })
  return { id: 'approvals', start: () => ({ start: actor, startTimeoutMs: longestMs }) }
}

/** The part that starts last: a run that goes on calls tools, and those need the parts of the host. Wakes the sessions that have work: after a crash of the process, and after a restart of their supervisor. It finds more while it fills the index. */
export function wakerPart(preset: Preset): Part {
  const { node, activity, router, waker: holder, sweeper: sweepers, filling, woken, onResumed } = preset
  const { store, cluster } = node
  const resume = async (waker: Waker, sweeper: WorkSweeper, tenant: TenantId): Promise<number> => {
    const filled = filling.open()
    const own = await waker.wakeAll(activity.busy)
    const listed = own + (await sweeper.sweep())
    // Sessions that are resumed on demand: a deletion that a crash interrupted waits for no caller.
    const asleep = activity.listed.filter((key) => activity.isAsleep(key))
    await waker.wakeAll(await withoutJournal(store, tenant, asleep))
    if (!activity.wasLost) return listed
    await filled
    return (await Promise.all(woken)).reduce((sum, count) => sum + count, listed)
  }
  return {
    id: 'waker',
    start: ({ tenant, services: { clock, logger } }) => ({
      start: () => {
        const waker = new Waker({
          router,
          clock,
          logger,
          isParked: (key) => activity.isParked(key),
          moved: (key) => void activity.end(key),
          park: (key) => activity.park(key),
        })
        const wake = (key: SessionKey): Promise<WakeOutcome> => waker.wakeOnce(key)
        const adopt = preset.resume === 'now' ? undefined : (keys: readonly SessionKey[]): Promise<void> => activity.adopt(keys)
        const sweeper = new WorkSweeper({ tenant, store, cluster, clock, logger, wake, adopt })
        holder.current = waker
        sweepers.current = sweeper
        const release = (): void => {
          filling.close()
          waker.stop()
          sweeper.stop()
        }
        return new ResourceActor({ open: () => onResumed(resume(waker, sweeper, tenant)), release })
      },
    }),
  }
}

/** Deletes what the agents do not keep: started after the sessions are, and closed before them. */
function retentionPart({ node: { store, agents }, activity, router, sweep: holder }: Preset): Part {
  const hasWork = (key: SessionKey): boolean => activity.isListed(key)
  const deleteUnused = (key: SessionKey, since: number): Promise<void> => router.delete(key, since)
  return {
    id: 'retention',
    start: ({ tenant, services: { clock, logger } }) => ({
      start: () => {
        const sweep = new RetentionSweep({ tenant, store, agents, clock, logger, hasWork, deleteUnused })
        holder.current = sweep
        return new ResourceActor({ open: () => sweep.open(), close: () => sweep.close(), release: () => sweep.release() })
      },
    }),
  }
}
