import { flushEventLoop } from '@beamclaw/actor/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wrapLog } from '../adapter/wrap-log.ts'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, FencingToken, LogEntry } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { killPart, killUntilEnded } from '../testing/parts.ts'
import { defineTool } from '../tool/tool.ts'
import { stateOf } from './journal/read-journal.ts'
import { applyRecord } from './state/apply-record.ts'
import { SessionState } from './state/session-state.ts'

const key = 'agent:main:main'

/** Calls back, once, when so many records are durable. */
class WatchedStore extends MemoryStore {
  records: LogEntry[] = []
  #after = Number.POSITIVE_INFINITY
  #then: () => void = () => {}

  at(count: number, then: () => void): void {
    this.#after = count
    this.#then = then
  }

  override async openLog(logKey: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(logKey, token)
    if (logKey[1] !== 'sessions') return log
    return wrapLog(log, {
      append: async (records) => {
        await log.append(records)
        this.records.push(...records)
        if (this.records.length >= this.#after) {
          this.#after = Number.POSITIVE_INFINITY
          this.#then()
        }
      },
    })
  }
}

async function story(crashAfter: number) {
  const effects = { once: 0, again: 0 }
  const once = defineTool({ name: 'once', description: 'must not run twice', execute: () => `did it, the ${++effects.once}. time` })
  const again = defineTool({
    name: 'again',
    description: 'may run twice',
    idempotent: true,
    execute: () => `did it, the ${++effects.again}. time`,
  })
  const model = new FunctionModel(({ messages }) => {
    const last = messages.at(-1)
    if (last?.role === 'user')
      return {
        calls: [
          { id: 'a', name: 'once' },
          { id: 'b', name: 'again' },
        ],
      }
    return { text: 'done' }
  })
  const store = new WatchedStore()
  const set = await stage(model, { tools: [once, again] }, { store })
  store.at(crashAfter, () => set.claw.kill())
  const session = set.claw.session(key)
  const sent = [session.send('first', { idempotencyKey: 'one' }), session.send('second', { idempotencyKey: 'two' })]
  const accepted = (await Promise.allSettled(sent.map((run) => run.accepted))).map(({ status }) => status === 'fulfilled')
  await flushEventLoop()
  const claw = await set.restart()
  await claw.resumed
  await flushEventLoop()
  const after = claw.session(key)
  return { store, effects, accepted, after, model }
}

describe('killed at any record', () => {
  test('a session loses nothing it accepted, runs each message once, and runs no tool twice that may not', async () => {
    const whole = await story(Number.POSITIVE_INFINITY)
    const count = whole.store.records.length
    expect(count).toBeGreaterThan(18)
    for (let crashAfter = 1; crashAfter <= count; crashAfter++) {
      const { store, effects, accepted, after } = await story(crashAfter)
      const { records } = store
      expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
      for (const [index, [runId, content]] of Object.entries({ one: 'first', two: 'second' }).entries()) {
        const of = records.filter(({ data }) => data.runId === runId)
        const isKnown = of.some(({ type }) => type === 'message-in')
        if (accepted[index]) expect(isKnown).toBe(true)
        if (!isKnown) continue
        expect(of.filter(({ type }) => type === 'run-start')).toHaveLength(1)
        expect(of.filter(({ type }) => type === 'run-end')).toMatchObject([{ data: { outcome: 'completed' } }])
        const repeated = await after.send(content, { idempotencyKey: runId }).accepted
        expect(repeated.status).toBe('completed')
      }
      const intents = records.filter(({ type, data }) => type === 'tool-intent' && data.name === 'once')
      expect(effects.once).toBeLessThanOrEqual(2)
      expect(effects.once).toBeLessThanOrEqual(intents.length)
      expect(intents.length).toBeLessThanOrEqual(2)
      const unknown = records.filter(({ type, data }) => type === 'tool-outcome' && data.outcome === 'unknown')
      expect(unknown.length).toBeLessThanOrEqual(1)
    }
  })
})

describe('a supervisor that is lost', () => {
  test.each(['sessions', 'tools'])('comes back, and the runs of those below it go on: %s', async (lost) => {
    let isHeld = true
    const model = new FunctionModel(() => (isHeld ? new Promise(() => {}) : { text: 'done after all' }))
    const set = await stage(model)
    const run = set.claw.session(key).send('go', { idempotencyKey: 'one' })
    await run.accepted
    await flushEventLoop()
    isHeld = false
    killPart(set.claw, lost)
    await flushEventLoop()
    const again = await set.claw.session(key).send('go', { idempotencyKey: 'one' }).result()
    expect(again.text).toBe('done after all')
    expect(model.requests).toHaveLength(2)
  })
})

describe('the state of a session', () => {
  test('is the same from a snapshot in the middle as from the records alone', async () => {
    const { store } = await story(Number.POSITIVE_INFINITY)
    const { records } = store
    fc.assert(
      fc.property(fc.integer({ min: 0, max: records.length }), (cut) => {
        const first = stateOf({ snapshot: undefined, records: records.slice(0, cut) })
        // Snapshots are taken only between runs.
        fc.pre(first.current === undefined)
        const snapshot = JSON.parse(JSON.stringify(first.toSnapshot()))
        const second = SessionState.fromSnapshot(snapshot, first.seq)
        for (const record of records.slice(cut)) applyRecord(second, record)
        expect(second).toEqual(stateOf({ snapshot: undefined, records }))
      }),
    )
  })

  test('refuses records that cannot follow', () => {
    const state = new SessionState()
    const record = (type: string, data: object): LogEntry => ({ seq: 1, type, id: 'x', ts: 0, data: data as never })
    expect(() => applyRecord(state, record('model-response', { runId: 'nobody' }))).toThrowError(
      expect.objectContaining({ code: 'log-corrupt' }),
    )
    expect(() => applyRecord(state, record('from-the-future', { runId: 'nobody' }))).toThrowError(
      expect.objectContaining({ code: 'log-corrupt' }),
    )
    expect(() => SessionState.fromSnapshot({ version: 2 } as never, 1)).toThrowError(expect.objectContaining({ code: 'log-corrupt' }))
  })
})

test('a tree in which more crashes than restarts can mend says that it has ended, and the next one does what was accepted', async () => {
  const set = await stage(new FunctionModel((_request, index) => (index === 0 ? new Promise(() => {}) : { text: 'after all' })))
  const { claw } = set
  await claw.session(key).send('hello', { idempotencyKey: 'hello' }).accepted
  await killUntilEnded(claw)
  await expect(claw.session(key).send('more').accepted).rejects.toMatchObject({ code: 'actor-not-running' })
  const next = await set.restart()
  expect((await next.session(key).follow('hello').result()).text).toBe('after all')
})

test.each(['kill', 'stop'] as const)('who follows a run is not left waiting when the tree ends: %s', async (end) => {
  const set = await stage(new FunctionModel(() => new Promise(() => {})))
  const run = set.claw.session(key).send('hello', { idempotencyKey: 'hello' })
  await run.accepted
  const isTold = expect(run.result()).rejects.toMatchObject({ code: 'run-interrupted', isRetryable: true })
  const followed = set.claw.session(key).follow('hello')
  const types: string[] = []
  const isRead = (async () => {
    for await (const { type } of followed) types.push(type)
  })()
  await flushEventLoop()
  const isDrained = set.claw.drain()
  await set.claw[end]()
  await isTold
  await isDrained
  await isRead
  expect(types).not.toContain('run-end')
})

test('whoever has lost the store to a later one ends, and takes nothing more', async () => {
  const set = await stage(new FunctionModel(() => ({ text: 'fine' })))
  const earlier = set.claw
  await earlier.session(key).send('one').result()
  const later = await stage(set.model, {}, { store: set.store })
  await expect(earlier.session('agent:main:other').send('two').accepted).rejects.toBeInstanceOf(BeamClawError)
  await set.clock.advance(0)
  await earlier.ended
  await expect(earlier.session(key).send('three').accepted).rejects.toMatchObject({ code: 'actor-not-running' })
  expect((await later.claw.session(key).send('four').result()).text).toBe('fine')
})
