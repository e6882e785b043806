/** Opens the list of busy sessions. A damaged list is left as it is, and a new one is built from the existing journals. */
import type { Logger } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import { type SessionKey, sessionKey, type TenantId } from '../../base/ids.ts'
import type { AppendLog, LogContents, Store, StoreKey } from '../../ports/store.ts'

/** Maximum number of damaged lists beside the one in use. */
const mostDamaged = 9

export interface OpenedActivity {
  readonly log: AppendLog
  readonly content: LogContents
}

interface Opening {
  readonly tenant: TenantId
  readonly store: Store
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly open: (key: StoreKey) => Promise<AppendLog>
}

/**
 * Opens the list, or the first one that is not damaged. A replacement starts with all sessions; those without work are woken once without need. Until
 * the replacement has a snapshot, it counts as unfinished. Rejects with the error of the last list when too many are damaged.
 */
export async function openActivity(opening: Opening): Promise<OpenedActivity> {
  const { tenant, logger, open } = opening
  for (let number = 1; ; number++) {
    try {
      const log = await open([tenant, number === 1 ? 'activity' : `activity-${number}`])
      const content = await log.read()
      return number === 1 || content.snapshot !== undefined ? { log, content } : await rebuilt(opening, { log, content })
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'log-corrupt') || number > mostDamaged) throw error
      logger.log('error', 'activity.damaged', { error: error.message, instead: 'the list is rebuilt from the journals of all sessions' })
    }
  }
}

async function rebuilt(opening: Opening, { log, content }: OpenedActivity): Promise<OpenedActivity> {
  const busy = await everySession(opening)
  const [first] = busy
  if (first === undefined) return { log, content }
  const last = content.records.at(-1)?.seq ?? 0
  const record = { seq: last + 1, type: 'busy', id: `rebuilt-${last + 1}`, ts: opening.now(), data: { sessionKey: first } }
  await log.append([record])
  const snapshot = { seq: record.seq, state: { busy, seen: [] } }
  await log.snapshot(snapshot)
  return { log, content: { snapshot, records: [] } }
}

async function everySession({ store, tenant }: Opening): Promise<SessionKey[]> {
  const found: SessionKey[] = []
  let last: StoreKey | undefined
  for (;;) {
    const keys = await store.list([tenant, 'sessions'], last === undefined ? {} : { after: last })
    for (const [, , agent = '', id = '', ...more] of keys) if (more.length === 0) found.push(sessionKey(agent, id))
    last = keys.at(-1)
    if (last === undefined) return found
  }
}
