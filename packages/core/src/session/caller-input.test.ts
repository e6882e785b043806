import { ResourceActor } from '@beamclaw/actor'
import { gate } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import type { AgentOptions } from '../agent/agent.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Part } from '../part/part.ts'
import { FunctionModel, type Stage, stage } from '../testing/model.ts'
import { defineTool } from '../tool/tool.ts'
import { JournalWriter } from './journal/journal-writer.ts'
import type { RecordExtension } from './journal/record-extension.ts'
import type { JournalEntry } from './journal/records.ts'
import { SessionState } from './state/session-state.ts'

const key = 'agent:main:main'
const shape = z.object({ a: z.string() })

const cyclic = (): Record<string, unknown> => {
  const value: Record<string, unknown> = { type: 'object' }
  value.self = value
  return value
}
const throwing = (): object => ({
  type: 'object',
  get properties(): never {
    throw new Error('no')
  },
})
const deep = (levels: number): Record<string, unknown> => {
  let value: Record<string, unknown> = {}
  for (let level = 0; level < levels; level++) value = { a: value }
  return value
}
const odd: readonly (readonly [string, () => object])[] = [
  ['contains itself', cyclic],
  ['has a getter that throws', throwing],
  ['nests thousands deep', () => deep(5_000)],
  ['nests deeper than a store takes', () => deep(600)],
  ['holds a function', () => ({ type: () => 'object' })],
]

async function up(model: FunctionModel, agent: Partial<AgentOptions> = {}, options: Partial<BeamClawOptions> = {}): Promise<Stage> {
  const set = await stage(model, agent, options)
  onTestFinished(() => void set.claw.kill())
  return set
}

/** A session whose run waits for the model; `check` must leave that run as it is. */
async function duringRun(
  check: (set: Stage) => Promise<void>,
  agent: Partial<AgentOptions> = {},
  options: Partial<BeamClawOptions> = {},
): Promise<void> {
  const open = gate()
  const model = new FunctionModel(async () => {
    await open.promise
    return { text: 'fine' }
  })
  const set = await up(model, agent, options)
  const session = set.claw.session(key)
  const run = session.send('go', { idempotencyKey: 'first' })
  await run.accepted
  await expect.poll(() => model.requests.length).toBe(1)
  await check(set)
  open.resolve()
  expect((await run.result()).text).toBe('fine')
  const types: string[] = []
  for await (const { type } of session.follow('first')) types.push(type)
  expect(types.filter((type) => type === 'model-request' || type === 'run-resume')).toEqual(['model-request'])
  expect((await session.inspect()).deadLetters).toEqual([])
}

describe('what a caller passes is checked before the session gets it', () => {
  test.each(odd)('an outputSchema that %s is refused, and the run of another caller keeps its step', async (_, make) => {
    await duringRun(async ({ claw }) => {
      const sent = claw.session(key).send('hi', { output: shape, outputSchema: make() as never })
      await expect(sent.accepted).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringContaining('outputSchema') })
    })
  })

  test('a JSON Schema of a library that is no JSON is refused as one, by the name of its option', async () => {
    const { claw } = await up(new FunctionModel(() => ({ text: '{}' })))
    const output = { '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 1 }), jsonSchema: { input: cyclic } } } as const
    const sent = claw.session(key).send('hi', { output })
    await expect(sent.accepted).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringContaining('"output"') })
  })

  test('an outputSchema that its owner changes later stays as it was sent', async () => {
    const model = new FunctionModel(() => ({ text: '{"a":"b"}' }))
    const { claw } = await up(model)
    const outputSchema = { type: 'object', properties: { a: { type: 'string' } } }
    const sent = claw.session(key).send('hi', { output: shape, outputSchema })
    outputSchema.properties.a.type = 'number'
    await sent.result()
    expect(model.requests[0]?.responseFormat?.schema).toEqual({ type: 'object', properties: { a: { type: 'string' } } })
  })

  test.each([
    [
      'toolChoice',
      () => ({
        toolChoice: {
          get name() {
            return once('look')
          },
        },
      }),
    ],
    [
      'tools',
      () => ({
        tools: Object.assign(['look'], {
          *[Symbol.iterator]() {
            yield 7
          },
        }),
      }),
    ],
  ] as const)('%s that is something else when it is read again is refused', async (name, options) => {
    reads = 0
    const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })
    await duringRun(
      async ({ claw }) => {
        const sent = claw.session(key).send('hi', options() as never)
        await expect(sent.accepted).rejects.toMatchObject({ code: 'invalid-option', message: expect.stringContaining(name) })
      },
      { tools: [look] },
    )
  })

  test.each(odd)('data of a record that %s is refused', async (_, make) => {
    const log: RecordExtension<number> = { id: 'log', initial: 0, fold: (count) => count + 1 }
    let append: (data: unknown, runId?: unknown) => Promise<number> = async () => 0
    const part: Part = {
      id: 'log',
      records: log,
      start: (host) => {
        append = (data, runId = 'first') => host.records(log, key).append(runId as never, 'one', data as never)
        return { start: () => new ResourceActor({}) }
      },
    }
    await duringRun(
      async () => {
        await expect(append(make())).rejects.toMatchObject({ code: 'invalid-message' })
        await expect(append({}, { toString: 1 })).rejects.toMatchObject({ code: 'invalid-id' })
        expect(await append({ fine: true })).toBe(1)
      },
      {},
      { parts: [part] },
    )
  })
})

let reads = 0
const once = (name: string): unknown => (reads++ < 1 ? name : 5n)

/** A run with one call of the tool `look`, whose hooks are given. */
async function withHooks(hooks: AgentOptions['hooks']): Promise<unknown> {
  const look = defineTool({ name: 'look', description: 'looks', execute: () => 'seen' })
  const model = new FunctionModel((_, index) => (index === 0 ? { calls: [{ id: 'a', name: 'look' }] } : { text: 'fine' }))
  const { claw } = await up(model, { tools: [look], ...(hooks === undefined ? {} : { hooks }) })
  return claw.session(key).send('go').result()
}

const unreadable = (name: string): never =>
  ({
    get [name](): never {
      throw new Error('no')
    },
  }) as never

describe('a return value of a hook that cannot be read fails the run with hook-failed', () => {
  test.each<[string, AgentOptions['hooks']]>([
    ['beforeModel', { beforeModel: () => unreadable('messages') }],
    ['afterModel', { afterModel: () => unreadable('content') }],
    ['beforeTool', { beforeTool: () => unreadable('input') }],
    ['beforeTool', { beforeTool: () => ({ input: throwing() as never }) }],
    ['afterTool', { afterTool: () => unreadable('content') }],
    ['afterTool', { afterTool: () => ({ content: [unreadable('type')] }) }],
  ])('%s', async (name, hooks) => {
    const failed = { code: 'hook-failed', message: expect.stringContaining(name) }
    await expect(withHooks(hooks)).rejects.toMatchObject(failed)
  })
})

describe('an entry of a caller that no store takes', () => {
  const broken = (): object => ({ runId: 'two', message: { role: 'user', content: 'hi' }, queueMode: 'queue', context: cyclic() })

  test.each<[string, () => object]>([
    ['contains itself', broken],
    ['cannot be read', () => ({ ...broken(), context: throwing() })],
  ])('is refused before it is in the state: it %s', async (_, make) => {
    const log = await new MemoryStore().openLog(['default', 'log'] as never, { epoch: 1, nonce: 'a' })
    const state = new SessionState()
    const journal = new JournalWriter({
      log,
      state,
      snapshotAt: { seq: 0, bytes: 0 },
      ids: { next: () => '12345678' },
      now: () => 1,
      agentId: () => 'main' as never,
      onCommitted: () => {},
    })
    const entry = (given: object): JournalEntry => ({ type: 'message-in', ...given }) as JournalEntry
    const fine = entry({ ...broken(), runId: 'one', context: 1 })
    expect(() => journal.stage(fine, entry(make()))).toThrow(expect.objectContaining({ code: 'invalid-message' }))
    expect([state.seq, state.waiting, journal.isBroken]).toEqual([0, [], false])
    await journal.commit(fine)
    expect((await log.read()).records.map(({ seq }) => seq)).toEqual([1])
  })
})
