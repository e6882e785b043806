/** The part of the provider contract about requests: everything in a request reaches the service, and nothing else does. */
import type { Message } from '@beamclaw/core'
import * as assert from './assert.ts'
import { ask, hear, type ProviderTests, type ProviderUnderTest, tool } from './provider-fixtures.ts'

/** Asks, and returns what the service received. */
async function received(subject: ProviderUnderTest, ...request: AskedFor): Promise<string> {
  return (await exchanged(subject, ...request)).text
}

type AskedFor = Parameters<typeof ask> extends [unknown, ...infer R] ? R : never

/** Asks, and returns what the service received and the settings that the provider warned about. */
async function exchanged(
  subject: ProviderUnderTest,
  ...request: AskedFor
): Promise<{ readonly text: string; readonly warned: readonly string[] }> {
  if (subject.lastRequest === undefined) {
    throw new Error('providerContract: give `lastRequest`, or skip the section "requests" with a reason')
  }
  await subject.arrange({ type: 'text' })
  const { parts, error } = await hear(ask(subject, ...request))
  assert.equal(error, undefined)
  const text = subject.lastRequest() ?? assert.fail('the service received no request')
  return { text, warned: parts.flatMap((part) => (part.type === 'warning' ? [part.setting] : [])) }
}

function contains(text: string, ...marks: readonly string[]): void {
  for (const mark of marks)
    assert.isTrue(text.includes(mark), `expected ${JSON.stringify(mark)} to reach the service, which received ${text}`)
}

/** The marks are in the text in this order. */
function inOrder(text: string, ...marks: readonly string[]): void {
  contains(text, ...marks)
  const places = marks.map((mark) => text.indexOf(mark))
  assert.equal(
    places,
    places.toSorted((a, b) => a - b),
    `places of ${marks.join(', ')}`,
  )
}

const conversation: readonly Message[] = [
  { role: 'user', content: 'mark-first-question' },
  {
    role: 'assistant',
    content: [
      { type: 'text', text: 'mark-first-answer' },
      { type: 'tool-call', id: 'call_mark_1', name: 'add', input: { a: 20_041, b: 3 } },
      { type: 'tool-call', id: 'call_mark_2', name: 'add', input: { a: 20_042, b: 3 } },
    ],
  },
  {
    role: 'tool',
    content: [
      { type: 'tool-result', toolCallId: 'call_mark_1', name: 'add', content: 'mark-result-one', isError: false },
      { type: 'tool-result', toolCallId: 'call_mark_2', name: 'add', content: [{ type: 'text', text: 'mark-result-two' }], isError: true },
    ],
  },
  { role: 'assistant', content: [{ type: 'text', text: 'mark-second-answer' }] },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'mark-second' },
      { type: 'text', text: 'mark-third' },
    ],
  },
]

export const requestTests: ProviderTests = {
  async 'the model and the system text reach the service'(subject) {
    contains(await received(subject, { system: 'mark-system, be brief' }), subject.model, 'mark-system, be brief')
  },
  async 'every message reaches the service, in order'(subject) {
    const text = await received(subject, { tools: [tool], messages: conversation })
    inOrder(text, 'mark-first-question', 'mark-first-answer', 'mark-second-answer', 'mark-second', 'mark-third')
  },
  async 'calls and their results reach the service, each result with the id of its call'(subject) {
    const text = await received(subject, { tools: [tool], messages: conversation })
    contains(text, '20041', '20042', 'mark-result-one', 'mark-result-two')
    for (const id of ['call_mark_1', 'call_mark_2']) {
      assert.atLeast(text.split(id).length - 1, 2, `times that ${id} is named, with the call and with its result`)
    }
  },
  async 'tools reach the service with name, description and schema'(subject) {
    const other = { ...tool, name: 'mark_other', description: 'mark-other-description' }
    const text = await received(subject, { tools: [tool, other] })
    contains(text, tool.name, tool.description, 'mark_other', 'mark-other-description', 'properties', 'number')
  },
  async 'no tools reach the service where the request has none'(subject) {
    assert.isTrue(!(await received(subject, { tools: [tool] })).includes('mark_other'), 'tools of no call')
    assert.isTrue(!(await received(subject)).includes(tool.description), 'the tools of the call before')
  },
  async 'limits and sampling reach the service, or a warning tells which does not'(subject) {
    const marks = { maxOutputTokens: '4321', temperature: '0.25', stopSequences: 'mark-stop' }
    const { text, warned } = await exchanged(subject, { maxOutputTokens: 4_321, temperature: 0.25, stopSequences: ['mark-stop'] })
    contains(text, ...Object.entries(marks).flatMap(([setting, mark]) => (warned.includes(setting) ? [] : [mark])))
  },
  async 'any text reaches the service as it is'(subject) {
    const content = '漢字 🦀 e\u0301 “quoted”   spaced'
    contains(await received(subject, { messages: [{ role: 'user', content }] }), content)
  },
  async 'one request holds nothing of another'(subject) {
    await received(subject, { system: 'mark-other-system', messages: [{ role: 'user', content: 'mark-other-message' }] })
    const text = await received(subject)
    for (const mark of ['mark-other-system', 'mark-other-message']) assert.isTrue(!text.includes(mark), `${mark} is of an earlier request`)
  },
  async 'the name of the agent does not reach the service'(subject) {
    assert.isTrue(!(await received(subject, { agent: 'mark-agent' })).includes('mark-agent'), 'the agent is named to the service')
  },
  async 'one call is one request'(subject) {
    await subject.arrange({ type: 'text' })
    await subject.arrange({ type: 'text' })
    await hear(ask(subject, { system: 'mark-one' }))
    await hear(ask(subject, { system: 'mark-two' }))
    contains(subject.lastRequest?.() ?? '', 'mark-two')
  },
}
