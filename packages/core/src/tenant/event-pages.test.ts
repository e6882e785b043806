import { expect, test } from 'vitest'
import { defaultTenant, parseRunId, parseSessionKey } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Cluster, Member } from '../ports/cluster.ts'
import { journalKey } from '../session/session-names.ts'
import { answerPage, pageByReader } from './event-pages.ts'

const key = parseSessionKey('agent:main:chat')
const wanted = { tenant: defaultTenant, key, fromSeq: 3, format: 2 }

const member = (id: string, newest: number): Member =>
  ({ id, incarnation: `${id}-1`, state: 'up', load: 0, wire: [1, 1], records: [1, newest] }) as unknown as Member

/** A cluster whose nodes give these replies; an error is a rejection. */
function clusterOf(replies: Readonly<Record<string, { readonly newest: number; readonly reply: JsonValue | Error }>>) {
  const members = [member('self', 2), ...Object.entries(replies).map(([id, { newest }]) => member(id, newest))]
  const asked: string[] = []
  const cluster = {
    self: { id: 'self', incarnation: 'self-1' },
    members,
    request: async ({ id }: { readonly id: string }) => {
      asked.push(id)
      const reply = replies[id]?.reply
      if (reply instanceof Error) throw reply
      return reply
    },
  } as unknown as Cluster
  return { cluster, asked }
}

const event = (seq: number, changes: JsonObject = {}): JsonValue => ({ type: 'of-later', sessionKey: key, runId: 'one', seq, ...changes })

test('the first node that reads the format and replies is believed', async () => {
  const page = { events: [event(3), event(4)], lastSeq: 9 }
  const { cluster, asked } = clusterOf({
    old: { newest: 1, reply: page },
    dead: { newest: 2, reply: new Error('gone') },
    odd: { newest: 3, reply: 'what?' },
    good: { newest: 2, reply: page },
    late: { newest: 2, reply: page },
  })
  expect(await pageByReader(cluster, wanted)).toEqual(page)
  expect(asked).toEqual(['dead', 'odd', 'good'])
})

test('where no node reads it, or none replies, there is no page', async () => {
  for (const replies of [{}, { old: { newest: 1, reply: { events: [], lastSeq: 0 } } }, { dead: { newest: 2, reply: new Error('gone') } }])
    expect(await pageByReader(clusterOf(replies).cluster, wanted)).toBeUndefined()
})

test.each<[what: string, reply: JsonValue]>([
  ['nothing', null],
  ['a list', []],
  ['events without an end', { events: [event(3)] }],
  ['an end below zero', { events: [], lastSeq: -1 }],
  ['events before those that were asked for', { events: [event(2)], lastSeq: 9 }],
  ['events with a hole', { events: [event(3), event(5)], lastSeq: 9 }],
  ['an event of another session', { events: [event(3, { sessionKey: 'agent:main:other' })], lastSeq: 9 }],
  ['a deletion', { events: [event(3, { type: 'session-delete' })], lastSeq: 9 }],
  ['an end before the last event', { events: [event(3), event(4)], lastSeq: 3 }],
  ['nothing of what there is', { events: [], lastSeq: 100 }],
  ['events in no order', { events: [event(5), event(4)], lastSeq: 9 }],
  ['one event twice', { events: [event(5), event(5)], lastSeq: 9 }],
  ['what is no event', { events: [{ seq: 3 }], lastSeq: 9 }],
  ['an event without a number', { events: [{ type: 'text-delta', sessionKey: key, runId: 'one' }], lastSeq: 9 }],
  ['more events than a page has', { events: Array.from({ length: 101 }, (_, index) => event(index + 3)), lastSeq: 200 }],
])('%s is no page', async (_, reply) => {
  expect(await pageByReader(clusterOf({ hostile: { newest: 2, reply } }).cluster, wanted)).toBeUndefined()
})

test('a node replies with a page of the journal, and begins nothing', async () => {
  const store = new MemoryStore()
  expect(await answerPage(store, defaultTenant, { key, fromSeq: 1 })).toEqual({ events: [], lastSeq: 0 })
  expect(await store.list([defaultTenant])).toEqual([])
  const log = await store.openLog(journalKey(defaultTenant, key), { epoch: 1, nonce: 'one' })
  const data = { runId: parseRunId('one'), turn: 1, attempt: 1, model: 'a/b' }
  await log.append(Array.from({ length: 150 }, (_, index) => ({ seq: index + 1, type: 'model-request', id: `${index}`, ts: 0, data })))
  const page = (await answerPage(store, defaultTenant, { key, fromSeq: 11 })) as { readonly events: readonly { readonly seq: number }[] }
  expect(page).toMatchObject({ lastSeq: 150 })
  expect([page.events.length, page.events[0]?.seq]).toEqual([100, 11])
})

test.each<[what: string, request: Parameters<typeof answerPage>[2], code: string]>([
  ['no key', { fromSeq: 1 }, 'invalid-session-key'],
  ['a key of no session', { key: '../../etc', fromSeq: 1 }, 'invalid-session-key'],
  ['no number', { key }, 'unknown-message'],
  ['a number below zero', { key, fromSeq: -1 }, 'unknown-message'],
  ['half a number', { key, fromSeq: 1.5 }, 'unknown-message'],
])('a request with %s is refused', async (_, request, code) => {
  await expect(answerPage(new MemoryStore(), defaultTenant, request)).rejects.toMatchObject({ code })
})
