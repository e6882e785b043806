/** Opens the list of busy sessions. A damaged list is left as it is, and a new one begins; a lost one is found again in the journals. */
import type { Logger } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import type { TenantId } from '../../base/ids.ts'
import { soloIncarnation } from '../../defaults/solo-cluster.ts'
import type { AppendLog, LogContents, Store } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { sessionsIn } from '../listing/rebuild-index.ts'

/** The folder of the lists of nodes that are not alone. */
export const workLists = 'work'

/** Maximum number of damaged lists beside the one in use. */
export const mostDamaged = 9

/**
 * Returns the key of a list of busy sessions, counted from 1: a damaged one is followed by the next. Each life of a node of several has lists of its own,
 * which another node takes over when it is dead.
 */
export function activityKey(tenant: TenantId, incarnation: string, number: number): StoreKey {
  if (incarnation === soloIncarnation) return [tenant, number === 1 ? 'activity' : `activity-${number}`]
  return [tenant, workLists, number === 1 ? incarnation : `${incarnation}.${number}`]
}

/** Returns the incarnation whose list has this key; undefined for another key. */
export function incarnationOf([, folder, name]: StoreKey): string | undefined {
  return folder === workLists ? name?.split('.', 1)[0] : undefined
}

export interface OpenedActivity {
  readonly log: AppendLog
  readonly content: LogContents
  /** True when the list does not say which sessions have work: the journals have to. */
  readonly isLost: boolean
}

interface Opening {
  readonly tenant: TenantId
  readonly incarnation: string
  readonly store: Store
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly open: (key: StoreKey) => Promise<AppendLog>
}

/** Opens the list, or the first one that is not damaged. Rejects with the error of the last list when too many are damaged. */
export async function openActivity(opening: Opening): Promise<OpenedActivity> {
  const { tenant, incarnation, logger, open } = opening
  for (let number = 1; ; number++) {
    try {
      const log = await open(activityKey(tenant, incarnation, number))
      const content = await log.read()
      const isEmpty = content.snapshot === undefined && content.records.length === 0
      return isEmpty && incarnation === soloIncarnation ? await begun(opening, log, content) : { log, content, isLost: false }
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'log-corrupt') || number > mostDamaged) throw error
      logger.log('error', 'activity.damaged', { error: error.message, instead: 'the sessions with work are found in their journals' })
    }
  }
}

/**
 * An empty list beside sessions is a lost one. The index is cleared: to fill it all journals are read, and the sessions that have work are found and listed, by
 * this process or, if it ends before, by the next one. Only then has the list its first record, which says that this was seen to.
 */
async function begun({ tenant, store, logger, now }: Opening, log: AppendLog, content: LogContents): Promise<OpenedActivity> {
  for await (const [sessionKey] of sessionsIn(store, tenant, 1)) {
    if (sessionKey === undefined) continue
    logger.log('warn', 'activity.lost', { tenant, instead: 'the sessions with work are found in their journals, in the background' })
    await store.index.clear(tenant)
    const record = { seq: 1, type: 'idle', id: 'begun-anew', ts: now(), data: { sessionKey } }
    await log.append([record])
    return { log, content: { snapshot: undefined, records: [record] }, isLost: true }
  }
  return { log, content, isLost: false }
}
