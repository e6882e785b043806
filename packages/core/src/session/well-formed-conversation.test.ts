import { ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { type AgentOptions, defineAgent } from '../agent/agent.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool, type ToolOutput } from '../tool/tool.ts'
import { toolResult } from '../tool/tool-reply.ts'

const half = '\ud83d'
const astral = '😀'.repeat(150_000)

/** Sends one message to a model that calls a tool once. Returns the texts of the last request, and of the history. */
async function textsOf(content: string, output: () => ToolOutput, agent: Partial<AgentOptions> = {}): Promise<string[]> {
  const model = new FunctionModel((_request, index) =>
    index === 0
      ? {
          calls: [
            { id: `c${half}`, name: `no_such${half}`, input: { [half]: half } },
            { id: 'd', name: 'look', input: {} },
          ],
        }
      : { text: half },
  )
  const look = defineTool({ name: 'look', description: 'looks', execute: output })
  const { claw } = await stage(model, { tools: [look], ...agent }, { services: { clock: new ManualClock(), logger: { log: () => {} } } })
  const session = claw.session('agent:main:main')
  await session.send(content).result()
  const { messages } = await session.history()
  return stringsOf([model.requests.at(-1)?.messages, model.requests.at(-1)?.system, messages])
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [name, ...stringsOf(inner)])
}

describe('half a surrogate pair', () => {
  test.each<[string, string, () => ToolOutput]>([
    ['a user', `a${half}`, () => 'seen'],
    ['a tool', 'hello', () => `a${half}`],
    ['parts of a tool', 'hello', () => toolResult({ content: [{ type: 'text', text: half }] })],
    ['an object of a tool', 'hello', () => ({ [half]: half })],
    ['a cut of what a tool returned', 'hello', () => `x${astral}`],
    ['a cut of what a tool returned, one character on', 'hello', () => `xx${astral}`],
    [
      'the error of a tool',
      'hello',
      () => {
        throw new Error(half)
      },
    ],
  ])('of %s never gets into a history or a request', async (_, content, output) => {
    const texts = await textsOf(content, output, { system: `You are${half}` })
    expect(texts.filter((text) => !text.isWellFormed())).toEqual([])
    expect(texts.length).toBeGreaterThan(10)
  })

  test('of a system text becomes a replacement character', () => {
    expect(defineAgent({ id: 'a', model: 'p/m', system: half }).system).toBe('\ufffd')
  })
})
