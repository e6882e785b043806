import { ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/events.ts'
import { type Message, zeroUsage } from '../../base/messages.ts'
import type { Provider, ProviderPart, ProviderRequest } from '../../ports/provider.ts'
import { FunctionModel, stage } from '../../testing/model.ts'
import { defineTool } from '../../tool/tool.ts'
import { compactableMessages, ShownHistory, transcriptOf } from '../state/shown-history.ts'

const key = 'agent:main:main'
const finish = (reason: 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other' = 'stop'): ProviderPart => ({
  type: 'finish',
  reason,
  usage: zeroUsage,
})
const text = (value: string): ProviderPart => ({ type: 'text-delta', text: value })

/** A model whose summaries are `summaries`, one after the other; everything else it answers at length. */
function summarising(summaries: readonly (readonly ProviderPart[] | Error)[]) {
  const asked: ProviderRequest[] = []
  const answered: ProviderRequest[] = []
  const model: Provider = {
    async *doStream(request) {
      if (!isSummary(request)) {
        answered.push(request)
        yield text('y'.repeat(2_000))
        return yield finish()
      }
      const summary = summaries[asked.push(request) - 1] ?? []
      if (summary instanceof Error) throw summary
      yield* summary
    },
  }
  return { model, asked, answered }
}

function isSummary({ system }: ProviderRequest): boolean {
  return system?.startsWith('Summarise') === true
}

/** Sends three messages, the last of which needs a summary first. Returns what became of it. */
async function lifeWith(summaries: readonly (readonly ProviderPart[] | Error)[]) {
  const { model, asked, answered } = summarising(summaries)
  const clock = new ManualClock()
  const logged: string[] = []
  const logger = { log: (_: string, event: string, fields: object = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`) }
  const { claw } = await stage(
    new FunctionModel(() => ({})),
    { compactAboveTokens: 1_000, thinking: 'high' },
    { providers: { test: model }, services: { clock, logger } },
  )
  const session = claw.session(key)
  await session.send('one').result()
  await session.send('two').result()
  const last = session.send('three')
  const events: RunEvent[] = []
  const reading = (async () => {
    for await (const event of last) events.push(event)
  })()
  await clock.advance(10_000)
  await reading
  const { messages } = await session.history()
  const shown = answered.at(-1)?.messages ?? []
  return { asked, events, logged, shown, messages: messages.map(({ message }) => message), result: await last.result() }
}

describe('a summary', () => {
  const good = [text('They talked.'), finish()]

  test('is asked for without thinking, without tools and with room', async () => {
    const { asked, shown } = await lifeWith([good])
    expect(asked[0]).toMatchObject({ maxOutputTokens: 8_000 })
    expect(asked[0]?.thinking).toBeUndefined()
    expect(asked[0]?.tools).toBeUndefined()
    expect(shown[0]?.content).toContain('They talked.')
  })

  test.each<[string, readonly ProviderPart[]]>([
    ['empty', [finish()]],
    ['blank', [text(' \n '), finish()]],
    [
      'of thinking only',
      [{ type: 'thinking-delta', text: 'hm' }, { type: 'thinking-end', providerMetadata: { claude: { signature: 's' } } }, finish()],
    ],
    ['cut off by the length limit', [text('They tal'), finish('length')]],
    ['cut off by a filter', [text('They tal'), finish('content-filter')]],
    ['ended by tool calls', [text('I look it up'), finish('tool-calls')]],
    ['broken off', [text('They tal')]],
    ['longer than what it replaces', [text('z'.repeat(9_000)), finish()]],
  ])('that is %s replaces nothing, is asked for again, and the run goes on', async (_, bad) => {
    const { asked, events, logged, messages, result } = await lifeWith([bad, bad, bad])
    expect(asked).toHaveLength(3)
    expect(events.map(({ type }) => type)).not.toContain('history-compact')
    expect(messages.slice(0, 2)).toMatchObject([{ content: 'one' }, { role: 'assistant' }])
    expect(messages).toHaveLength(6)
    expect(result.text).toHaveLength(2_000)
    expect(logged.filter((line) => line.startsWith('session.summary-failed'))).toHaveLength(1)
  })

  test('of a server that never says why an answer ended counts', async () => {
    const { shown } = await lifeWith([[text('They talked.'), finish('other')]])
    expect(shown[0]?.content).toContain('They talked.')
  })

  test.each<[string, readonly ProviderPart[] | Error]>([
    ['was cut off', [text('They tal'), finish('length')]],
    ['failed for the moment', new BeamClawError('provider-server', 'down')],
    ['did not fit', new BeamClawError('provider-context-overflow', 'too long')],
  ])('that %s is asked for again', async (_, bad) => {
    const { asked, shown } = await lifeWith([bad, good])
    expect(asked).toHaveLength(2)
    expect(shown[0]?.content).toContain('They talked.')
  })

  test('that fails with a plain error leaves the history, and the session in one piece', async () => {
    const { asked, logged, messages, result } = await lifeWith([new TypeError('a mistake of the adapter')])
    expect(asked).toHaveLength(1)
    expect(messages).toHaveLength(6)
    expect(result.text).toHaveLength(2_000)
    expect(logged.join()).toContain('a mistake of the adapter')
    expect(logged.join()).not.toContain('session.broken')
  })

  test('that cannot be had for a history that does not fit fails the run with a code', async () => {
    let isFull = false
    const model = new FunctionModel((request) => {
      if (isSummary(request)) throw new TypeError('a mistake of the adapter')
      return isFull ? { fails: new BeamClawError('provider-context-overflow', 'too long') } : { text: 'y'.repeat(2_000) }
    })
    const { claw } = await stage(model)
    await claw.session(key).send('one').result()
    isFull = true
    await expect(claw.session(key).send('two').result()).rejects.toMatchObject({ code: 'provider-context-overflow' })
  })
})

describe('what keeps a history from being summed up', () => {
  const call: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'c', name: 'look', input: {} }] }
  const resultOf = (content: string): Message => ({
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: 'c', name: 'look', content, isError: false }],
  })
  const long: Message = { role: 'user', content: 'x'.repeat(2_000) }

  test('is not a large last result: it stays with its call, and what is before it goes', () => {
    expect(compactableMessages([long, call, resultOf('small'), call, resultOf('x'.repeat(100_000))], 1_000)).toBe(3)
  })

  test('is that hardly anything could go', () => {
    expect(compactableMessages([{ role: 'user', content: 'look' }, call, resultOf('x'.repeat(100_000))], 1_000)).toBe(0)
  })

  test('is not counted where it is not sent: old results count as they are shown', () => {
    const history = Array.from({ length: 10 }, () => [call, resultOf('x'.repeat(100_000))]).flat()
    expect(new ShownHistory(history).tokens).toBeLessThan(3 * 25_100 + 7 * 900)
  })

  test('is not that long results of old turns are trimmed before they are sent', async () => {
    const model = new FunctionModel((request, index) =>
      isSummary(request)
        ? { text: 'Summary.' }
        : index < 12
          ? { calls: [{ id: `c${index}`, name: 'look', input: { index } }] }
          : { text: 'seen' },
    )
    const look = defineTool({ name: 'look', description: 'looks', execute: (input) => `${JSON.stringify(input)}${'x'.repeat(40_000)}` })
    const { claw } = await stage(model, { tools: [look], compactAboveTokens: 50_000 })
    await claw.session(key).send('look').result()
    expect(model.requests.filter(isSummary)).toHaveLength(0)
  })
})

describe('what is shown to the model that sums up', () => {
  test('has short messages whole, and the beginning of every long one', () => {
    const messages: Message[] = Array.from({ length: 50 }, (_, index) => ({
      role: 'user',
      content: `m${index} ${index === 7 ? '😀'.repeat(9_000) : ''}`,
    }))
    const transcript = transcriptOf(messages, 4_000)
    for (const index of messages.keys()) expect(transcript).toContain(`m${index} `)
    expect(transcript.length).toBeLessThan(4_300)
    expect(transcript.isWellFormed()).toBe(true)
  })
})
