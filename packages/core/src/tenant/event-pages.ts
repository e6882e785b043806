/** Pages of journals that this version cannot read: a node of a newer one reads them for it. What arrives is checked. */
import { BeamClawError } from '../base/errors.ts'
import type { CommittedEvent } from '../base/events.ts'
import { parseSessionKey, type SessionKey, type TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { isCount, isEvent, isObject } from '../cluster/event-messages.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import { type EventPage, pageOf } from '../session/event-page.ts'
import { journalKey } from '../session/session-names.ts'

/** The type of the request. */
export const eventPageType = 'journal.page'

/** Records of a page that travels. */
const mostRecords = 100

/** Milliseconds that each node has to reply. */
const replyWithinMs = 5_000

export interface WantedPage {
  readonly tenant: TenantId
  readonly key: SessionKey
  readonly fromSeq: number
  /** Of the record that this version does not know. */
  readonly format: number
}

/** Resolves with the first reply of a node that reads the format; undefined without one. Never rejects. */
export async function pageByReader(cluster: Cluster, wanted: WantedPage): Promise<EventPage | undefined> {
  const { tenant, key, fromSeq, format } = wanted
  const { self, members } = cluster
  const readers = members.filter(({ incarnation, records }) => incarnation !== self.incarnation && records[1] >= format)
  const request = { type: eventPageType, tenant, key, fromSeq }
  for (const reader of readers) {
    const page = readPage(await cluster.request(reader, request, { timeoutMs: replyWithinMs }).catch(() => null), wanted)
    if (page !== undefined) return page
  }
  return undefined
}

/** Resolves with the reply to such a request. Rejects `unknown-message`, `invalid-session-key`, and as the store does. */
export async function answerPage(store: Store, tenant: TenantId, { key, fromSeq }: JsonObject): Promise<JsonValue> {
  const session = parseSessionKey(key)
  if (!isCount(fromSeq, 0)) throw new BeamClawError('unknown-message', 'Another node has asked for events from no number')
  const page = await store.readLog(journalKey(tenant, session), { fromSeq, limit: mostRecords })
  return pageOf(page, session) as unknown as JsonValue
}

/**
 * Returns the page in a reply: events of this session that follow one another without gaps, from `fromSeq` on or from what is left of the journal; undefined for anything else.
 */
function readPage(reply: JsonValue, { key, fromSeq }: WantedPage): EventPage | undefined {
  const { events, lastSeq } = isObject(reply) ? reply : {}
  if (!Array.isArray(events) || events.length > mostRecords || !isCount(lastSeq, 0)) return undefined
  let next: number | undefined
  for (const event of events) {
    // A deletion is in no journal.
    if (!isEvent(event) || event.sessionKey !== key || event.type === 'session-delete') return undefined
    if (!isCount(event.seq, fromSeq) || (next !== undefined && event.seq !== next)) return undefined
    next = event.seq + 1
  }
  if (next === undefined ? lastSeq >= fromSeq : lastSeq < next - 1) return undefined
  return { events: events as unknown as readonly CommittedEvent[], lastSeq }
}
