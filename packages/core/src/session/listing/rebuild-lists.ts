/** Makes the index and the list of busy sessions of a tenant anew from the journals, for a repair. Nothing else may run over the store. */
import type { Clock } from '@beamclaw/actor'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import { keysBelow } from '../../defaults/keys-below.ts'
import { soloIncarnation } from '../../defaults/solo-cluster.ts'
import type { AppendLog, LogEntry, Store } from '../../ports/store.ts'
import { activityKey, mostDamaged, workLists } from '../activity/activity-opening.ts'
import { settingsOf } from './find-journal.ts'
import { sessionsIn } from './rebuild-index.ts'
import { type SurveyedSession, surveySession } from './survey-session.ts'
import { unnamedBlobs } from './unnamed-blobs.ts'

/** How far a rebuild of the lists is. */
export interface RebuildListsProgress {
  /** Sessions that the store names. */
  readonly total: number
  /** Those of them that are listed by now. */
  readonly done: number
  /** Sessions with unfinished work, whose next process goes on with it. */
  readonly withWork: number
  /** Sessions whose journals cannot be read. */
  readonly unreadable: number
  /** Attachments that no record of their session names. */
  readonly unnamedBlobs: number
}

/** A session whose journal cannot be read. */
export interface UnreadableSession {
  readonly sessionKey: SessionKey
  /** Why, in words. */
  readonly damage: string
}

/** Options of `rebuildLists`. */
export interface RebuildListsOptions {
  /** Called before the first step, and after each once its entries are durable. What it throws ends the rebuild. */
  readonly onProgress?: (progress: RebuildListsProgress) => void | Promise<void>
  /** Called for each session whose journal cannot be read. What it throws ends the rebuild. */
  readonly onUnreadable?: (session: UnreadableSession) => void | Promise<void>
  /** Ends the rebuild: it then rejects with the reason, and the index stays incomplete. */
  readonly signal?: AbortSignal
  /** Gives the event loop its turn between steps, and says when a session without times was listed. @default that of the machine */
  readonly clock?: Pick<Clock, 'yieldTo' | 'now'>
}

/** Sessions whose journals are read at once, and whose entries are written together. */
const atOnce = 32

/**
 * Makes the index and the list of busy sessions of a tenant anew from the journals, and then marks the index as complete. It needs the store for itself: no
 * BeamClaw may run over it. Sessions whose journals cannot be read are listed as busy too, so that the work of one that is restored goes on. Rejects as the store
 * does. Whenever it ends early, the next start or the next rebuild begins anew: a list without a record clears the index, and an incomplete index is filled.
 *
 * @example
 * const { done, unreadable } = await rebuildLists(store, defaultTenant)
 */
export async function rebuildLists(store: Store, tenant: TenantId, options: RebuildListsOptions = {}): Promise<RebuildListsProgress> {
  const { onProgress, onUnreadable, signal, clock } = options
  signal?.throwIfAborted()
  // The list goes first: beside sessions, an empty one says that the journals have to be read.
  for (let number = 1; number <= mostDamaged + 1; number++) await store.delete(activityKey(tenant, soloIncarnation, number))
  for await (const key of keysBelow(store, [tenant, workLists])) await store.delete(key)
  await store.index.clear(tenant)
  let progress: RebuildListsProgress = { total: await countOf(store, tenant, signal), done: 0, withWork: 0, unreadable: 0, unnamedBlobs: 0 }
  await onProgress?.(progress)
  const list = new BusyList(
    await store.openLog(activityKey(tenant, soloIncarnation, 1), { epoch: 1, nonce: 'repair' }),
    () => clock?.now() ?? Date.now(),
  )
  try {
    for await (const keys of sessionsIn(store, tenant)) {
      for (let from = 0; from < keys.length; from += atOnce) {
        signal?.throwIfAborted()
        const looked = await Promise.all(keys.slice(from, from + atOnce).map((key) => look(store, tenant, key)))
        signal?.throwIfAborted()
        await store.index.put(
          tenant,
          looked.flatMap(({ session }) => (session === undefined ? [] : [session.entry])),
        )
        await list.add(looked)
        progress = sumOf(progress, looked)
        for (const { key, session } of looked)
          if (session?.damage !== undefined) await onUnreadable?.({ sessionKey: key, damage: session.damage })
        await onProgress?.(progress)
        await turnOf(clock)
      }
    }
  } finally {
    await list.close()
  }
  signal?.throwIfAborted()
  await store.index.complete(tenant)
  return progress
}

/** What was found under the key of a session. */
interface Looked {
  readonly key: SessionKey
  /** Undefined for what a deletion left. */
  readonly session: SurveyedSession | undefined
  readonly isBusy: boolean
  readonly unnamedBlobs: number
}

async function look(store: Store, tenant: TenantId, key: SessionKey): Promise<Looked> {
  const session = await surveySession(store, tenant, key)
  if (session === undefined) {
    // A deletion that was interrupted is ended by the session's next wake-up.
    const { isDeleting } = await settingsOf(store, tenant, key)
    return { key, session, isBusy: isDeleting, unnamedBlobs: 0 }
  }
  const isReadable = session.damage === undefined
  return {
    key,
    session,
    isBusy: session.hasWork || !isReadable,
    unnamedBlobs: isReadable ? await unnamedBlobs(store, tenant, key) : 0,
  }
}

function sumOf({ total, done, withWork, unreadable, unnamedBlobs: unnamed }: RebuildListsProgress, looked: readonly Looked[]) {
  return {
    total,
    done: done + looked.filter(({ session }) => session !== undefined).length,
    withWork: withWork + looked.filter(({ session }) => session?.hasWork === true).length,
    unreadable: unreadable + looked.filter(({ session }) => session?.damage !== undefined).length,
    unnamedBlobs: looked.reduce((sum, one) => sum + one.unnamedBlobs, unnamed),
  }
}

/** Writes a list of busy sessions. It has a record as soon as there is a session, busy or not: a list without one counts as lost. */
class BusyList {
  readonly #log: AppendLog
  readonly #now: () => number
  #seq = 0

  constructor(log: AppendLog, now: () => number) {
    this.#log = log
    this.#now = now
  }

  async add(looked: readonly Looked[]): Promise<void> {
    const busy = looked.filter(({ isBusy }) => isBusy)
    const [first] = looked
    if (busy.length > 0) await this.#log.append(busy.map((one) => this.#record('busy', one)))
    else if (this.#seq === 0 && first !== undefined) await this.#log.append([this.#record('idle', first)])
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #record(type: 'busy' | 'idle', { key, session }: Looked): LogEntry {
    const seq = ++this.#seq
    return { seq, type, id: `repaired-${seq}`, ts: session?.entry.updatedAt ?? this.#now(), data: { sessionKey: key } }
  }
}

async function countOf(store: Store, tenant: TenantId, signal: AbortSignal | undefined): Promise<number> {
  let count = 0
  for await (const keys of sessionsIn(store, tenant)) {
    signal?.throwIfAborted()
    count += keys.length
  }
  return count
}

async function turnOf(clock: Pick<Clock, 'yieldTo'> | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    if (clock === undefined) setTimeout(resolve, 0)
    else clock.yieldTo(resolve)
  })
}
