/** The part of the provider contract about what services made: another service's stays here, and no shape of it fails a call. */
import type { JsonValue, Message } from '@beamclaw/core'
import * as assert from './assert.ts'
import { ask, hear, type ProviderTests, type ProviderUnderTest, tool } from './provider-fixtures.ts'

const foreign = 'mark-foreign.example'

/** What services are known to need back, by the names that they have for it. */
const fields = [
  'signature',
  'redacted',
  'data',
  'id',
  'item',
  'block',
  'phase',
  'encrypted_content',
  'thought_signature',
  'reasoning_details',
]

/** A conversation with metadata at each place that has some. It may have come from an import, so its types prove nothing. */
function conversationWith(metadataAt: (place: string) => unknown): readonly Message[] {
  const at = (place: string) => ({ providerMetadata: metadataAt(place) })
  return [
    { role: 'user', content: 'mark-question' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', text: 'hm', ...at('thinking') },
        { type: 'thinking', text: '', ...at('redacted') },
        { type: 'text', text: 'mark-answer', ...at('text') },
        { type: 'custom', kind: 'mark_foreign_block', ...at('custom') },
        { type: 'tool-call', id: 'call_mark_1', name: 'add', input: { a: 20_041, b: 3 }, ...at('call') },
      ],
      ...at('message'),
    },
    { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'call_mark_1', name: 'add', content: 'mark-result', isError: false }] },
    { role: 'assistant', content: [{ type: 'text', text: 'mark-second', ...at('second') }], ...at('second message') },
    { role: 'user', content: 'mark-last' },
  ] as readonly Message[]
}

function deep(levels: number): JsonValue {
  let value: JsonValue = 'mark-foreign-bottom'
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { signature: value }
  return value
}

const each = (value: unknown): unknown => Object.fromEntries(fields.map((field) => [field, value]))

/** What the entry of a service may be when a client wrote it. */
const entries: Readonly<Record<string, unknown>> = {
  'a number': 7,
  null: null,
  'a text': 'mark-foreign-text',
  'a list': ['mark-foreign-item', null],
  'nothing known': { 'mark-foreign-field': 'mark-foreign-value' },
  'numbers in its fields': each(7),
  'null in its fields': each(null),
  'objects in its fields': each({ type: 7, 'mark-foreign-field': {} }),
  'lists in its fields': each([null, 7, [], { type: {} }]),
  'many levels': { ...(each(deep(500)) as object), 'mark-foreign-field': deep(500) },
  // As JSON.parse makes it: an own field, which a copy by assignment would take for the prototype.
  'a prototype': JSON.parse('{"__proto__": {"signature": "mark-foreign-prototype"}, "constructor": {"prototype": 7}, "toString": 7}'),
}

/** What stands in place of all entries. */
const wholes: Readonly<Record<string, unknown>> = {
  'a number': 7,
  null: null,
  'a text': 'mark-foreign-text',
  'a list': [{ signature: 'mark-foreign-item' }],
  'a prototype': JSON.parse(
    '{"__proto__": {"signature": "mark-foreign-prototype"}, "constructor": {"signature": "mark-foreign-constructor"}}',
  ),
}

/** Asks with the metadata, and throws unless the call succeeds and the service gets the conversation without what is marked as foreign. */
async function check(subject: ProviderUnderTest, metadataAt: (place: string) => unknown, note: string): Promise<void> {
  if (subject.lastRequest === undefined) {
    throw new Error('providerContract: give `lastRequest`, or skip the section "requests" with a reason')
  }
  await subject.arrange({ type: 'text' })
  const { error } = await hear(ask(subject, { tools: [tool], messages: conversationWith(metadataAt) }))
  assert.equal(error, undefined, `the error of a call with ${note}`)
  const text = subject.lastRequest() ?? assert.fail('the service received no request')
  for (const mark of ['mark-question', 'mark-answer', '20041', 'mark-result', 'mark-second', 'mark-last']) {
    assert.isTrue(text.includes(mark), `with ${note}, ${mark} reaches the service, which received ${text.slice(0, 2_000)}`)
  }
  const found = /.{0,40}mark[-_]foreign.{0,40}/.exec(text)
  assert.equal(found?.[0], undefined, `with ${note}, what another service made reached this one`)
}

export const metadataTests: ProviderTests = {
  async 'what another service made does not reach this one'(subject) {
    const made = (place: string) => ({ [foreign]: each(`mark-foreign-${place}`) })
    await check(subject, made, 'metadata of another service')
  },
  async 'metadata of any shape fails no call, and what is foreign in it stays here'(subject) {
    for (const [note, whole] of Object.entries(wholes)) await check(subject, () => whole, `${note} in place of all metadata`)
    for (const [note, entry] of Object.entries(entries)) await check(subject, () => ({ [foreign]: entry }), `${note} of another service`)
    assert.equal(({} as { readonly signature?: unknown }).signature, undefined, 'the prototype of every object')
  },
  async 'metadata of its own service that has another shape fails no call, and stays here'(subject) {
    const { service } = subject
    if (service === undefined) return
    for (const [note, entry] of Object.entries(entries)) await check(subject, () => ({ [service]: entry }), `${note} of its own service`)
  },
}
