/** Fills the index of a tenant from the journals of its sessions. It reads beside their owners, and fences no owner. */
import type { Clock } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import { type SessionKey, sessionKey, type TenantId } from '../../base/ids.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { type SurveyedSession, surveySession } from './survey-session.ts'

/** What has been read so far. */
export interface IndexProgress {
  /** Sessions whose entries are written. */
  readonly done: number
  /** Those of them with unfinished work. */
  readonly withWork: number
  /** Those of them whose journals cannot be read. */
  readonly unreadable: number
}

/** What was found in one step of a rebuild. */
export interface IndexStep {
  readonly progress: IndexProgress
  readonly found: readonly SurveyedSession[]
}

/** Options of `rebuildIndex`. */
export interface RebuildIndexOptions {
  /** Called after each step, once its entries are durable. What it throws ends the rebuild. */
  readonly onProgress?: (step: IndexStep) => void | Promise<void>
  /** Ends the rebuild: it then rejects with the reason, and the index stays incomplete. */
  readonly signal?: AbortSignal
  /** Gives the event loop its turn between steps. @default the next turn of the machine's event loop */
  readonly clock?: Pick<Clock, 'yieldTo'>
  /** Writes the entries of a step. @default `store.index.put` */
  readonly put?: (entries: readonly SessionIndexEntry[]) => Promise<void>
}

/** Sessions whose journals are read at once, and whose entries are written together. */
const atOnce = 32

/**
 * Fills the index of a tenant anew from the journals, and then marks it as complete. Sessions whose journals are damaged get an entry without a preview.
 * Rejects as the store does; then the index is not complete, and the next rebuild begins from the start.
 *
 * @example
 * const { done } = await rebuildIndex(store, defaultTenant, { onProgress: ({ progress }) => console.log(progress.done) })
 */
export async function rebuildIndex(
  store: Store,
  tenant: TenantId,
  { onProgress, signal, clock, put = (entries) => store.index.put(tenant, entries) }: RebuildIndexOptions = {},
): Promise<IndexProgress> {
  let progress: IndexProgress = { done: 0, withWork: 0, unreadable: 0 }
  await store.index.clear(tenant)
  for await (const keys of sessionsIn(store, tenant)) {
    for (let from = 0; from < keys.length; from += atOnce) {
      signal?.throwIfAborted()
      const surveyed = await Promise.all(keys.slice(from, from + atOnce).map((key) => surveySession(store, tenant, key)))
      const found = surveyed.filter((one) => one !== undefined)
      signal?.throwIfAborted()
      await put(found.map(({ entry }) => entry))
      progress = sumOf(progress, found)
      await onProgress?.({ progress, found })
      await turnOf(clock)
    }
  }
  signal?.throwIfAborted()
  await store.index.complete(tenant)
  return progress
}

function sumOf({ done, withWork, unreadable }: IndexProgress, found: readonly SurveyedSession[]): IndexProgress {
  return {
    done: done + found.length,
    withWork: withWork + found.filter(({ hasWork }) => hasWork).length,
    unreadable: unreadable + found.filter(({ damage }) => damage !== undefined).length,
  }
}

/** Yields the keys of a tenant's sessions, each once, page by page. */
export async function* sessionsIn(store: Store, tenant: TenantId, limit = 1_000): AsyncGenerator<readonly SessionKey[]> {
  let last: StoreKey | undefined
  let before: string | undefined
  for (;;) {
    const keys = await store.list([tenant, 'sessions'], { limit, ...(last === undefined ? {} : { after: last }) })
    last = keys.at(-1)
    if (last === undefined) return
    const found: SessionKey[] = []
    for (const [, , agent = '', id = ''] of keys) {
      const key = keyOf(agent, id)
      // The documents of a session follow its journal.
      if (key === undefined || key === before) continue
      before = key
      found.push(key)
    }
    yield found
  }
}

/** Returns undefined for what no session is called. */
function keyOf(agent: string, id: string): SessionKey | undefined {
  try {
    return sessionKey(agent, id)
  } catch (error) {
    if (BeamClawError.isInstance(error, 'invalid-session-key')) return undefined
    throw error
  }
}

async function turnOf(clock: Pick<Clock, 'yieldTo'> | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    if (clock === undefined) setTimeout(resolve, 0)
    else clock.yieldTo(resolve)
  })
}
