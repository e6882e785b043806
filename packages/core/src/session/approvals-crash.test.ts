// Crashes, aborts, late and doubled answers around requests for approval: after each history the same promises hold.
import { flushEventLoop } from '@beamclaw/actor/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { parseTenantId } from '../base/ids.ts'
import type { MemoryStore } from '../defaults/memory-store.ts'
import type { LogEntry } from '../ports/store.ts'
import { type Stage, stage } from '../testing/model.ts'
import { MortalStore } from '../testing/mortal-store.ts'
import { defineTool } from '../tool/tool.ts'
import { caller } from './testing/approval-scene.ts'

const sessions = ['a', 'b'] as const
const tenant = parseTenantId('default')

type Step =
  | { readonly type: 'send'; readonly to: (typeof sessions)[number] }
  | { readonly type: 'answer'; readonly which: number; readonly isYes: boolean; readonly twice: boolean }
  | { readonly type: 'abort'; readonly of: (typeof sessions)[number] }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'crash'; readonly turns: number }
  | { readonly type: 'crash-at'; readonly write: number; readonly when: 'before' | 'after' }
  | { readonly type: 'turns'; readonly count: number }

const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ type: fc.constant('send' as const), to: fc.constantFrom(...sessions) }),
    fc.record({ type: fc.constant('answer' as const), which: fc.nat(3), isYes: fc.boolean(), twice: fc.boolean() }),
    fc.record({ type: fc.constant('abort' as const), of: fc.constantFrom(...sessions) }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 30_000, 61_000, 130_000) }),
    fc.record({ type: fc.constant('crash' as const), turns: fc.nat(6) }),
    fc.record({ type: fc.constant('crash-at' as const), write: fc.integer({ min: 1, max: 12 }), when: fc.constantFrom('before', 'after') }),
    fc.record({ type: fc.constant('turns' as const), count: fc.nat(8) }),
  ),
  { minLength: 3, maxLength: 14 },
)

/** A history: what was done, and what was told about it. */
class History {
  readonly ran: string[] = []
  readonly approved = new Set<string>()
  readonly #set: Stage
  readonly #store: MortalStore
  readonly #sent: { readonly key: string; readonly id: string }[] = []
  #turn = 0

  constructor(set: Stage, store: MortalStore) {
    this.#set = set
    this.#store = store
  }

  async take(step: Step): Promise<void> {
    await this.restart()
    const { claw, clock } = this.#set
    if (step.type === 'crash') return this.#crash(step.turns)
    // What a process that went down was asked has no answer.
    await Promise.race([this.#take(step, claw, clock), claw.ended])
  }

  async #crash(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await this.#startAnew()
  }

  async restart(): Promise<void> {
    if (!this.#set.claw.isRunning) await this.#startAnew()
  }

  async #startAnew(): Promise<void> {
    this.#store.live()
    await this.#set.restart()
  }

  async #take(step: Exclude<Step, { type: 'crash' }>, claw: Stage['claw'], clock: Stage['clock']): Promise<void> {
    switch (step.type) {
      case 'send': {
        const sent = { key: `agent:main:${step.to}`, id: `m${this.#turn++}` }
        this.#sent.push(sent)
        claw
          .session(sent.key)
          .send('go', { idempotencyKey: sent.id })
          .result()
          .catch(() => {})
        return flushEventLoop()
      }
      case 'answer': {
        const waiting = await claw.approvals.list()
        const request = waiting[step.which % Math.max(1, waiting.length)]
        if (request === undefined) return
        const answer = async (): Promise<void> => {
          try {
            await (step.isYes ? claw.approvals.approve(request.id) : claw.approvals.deny(request.id))
            if (step.isYes) this.approved.add(request.id)
          } catch (error) {
            const expected = ['already-resolved', 'unknown-approval', 'actor-not-running', 'actor-killed'] as const
            if (!expected.some((code) => BeamClawError.isInstance(error, code)) && claw.isRunning) throw error
          }
        }
        await Promise.all(step.twice ? [answer(), answer()] : [answer()])
        return
      }
      case 'abort':
        await claw
          .session(`agent:main:${step.of}`)
          .abort()
          .catch(() => {})
        return
      case 'wait':
        return clock.advance(step.ms)
      case 'crash-at':
        return this.#store.dieAt(step.write, step.when, () => this.#set.claw.kill())
      case 'turns':
        for (let turn = 0; turn < step.count; turn++) await Promise.resolve()
    }
  }

  /** Gives each run the time to go as far as it can, and no time to a clock. */
  async settle(): Promise<void> {
    this.#store.live()
    await this.restart()
    for (let round = 0; round < 5; round++) await flushEventLoop()
  }

  /** Sessions whose run waits and whose request is in no list. */
  async unlisted(): Promise<readonly string[]> {
    const listed = new Set((await this.#set.claw.approvals.list()).map(({ sessionKey }) => sessionKey as string))
    const found: string[] = []
    for (const name of sessions) {
      const key = `agent:main:${name}`
      const inspection = await this.#set.claw
        .session(key)
        .inspect()
        .catch(() => undefined)
      if (inspection?.current?.waitsFor === 'approval' && !listed.has(key)) found.push(key)
    }
    return found
  }

  /** Lets every time run out, and sends each message once more under its key: those that were accepted have their end by then. */
  async end(): Promise<void> {
    this.#store.live()
    await this.restart()
    for (let round = 0; round < 20; round++) {
      await this.#set.clock.advance(130_000)
      await flushEventLoop()
    }
    for (const { key, id } of this.#sent) {
      const run = this.#set.claw.session(key).send('go', { idempotencyKey: id })
      const ended = run.result().then(
        () => true,
        () => true,
      )
      let isOver = false
      void ended.then(() => {
        isOver = true
      })
      for (let round = 0; round < 200 && !isOver; round++) await this.#set.clock.advance(130_000)
      expect([id, isOver]).toEqual([id, true])
    }
  }
}

test('no history runs a call twice, or without an approval, or leaves a run or a request behind', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const store = new MortalStore()
      let runs: string[] = []
      const deploy = defineTool<{ to: string }>({
        name: 'deploy',
        description: 'Deploys',
        inputSchema: { type: 'object' },
        risk: 'high',
        approvalTimeoutMs: 60_000,
        execute: (_, { idempotencyKey, sessionKey }) => {
          runs.push(`${sessionKey} ${idempotencyKey}`)
          return 'fine'
        },
      })
      const set = await stage(caller('x', 'y'), { tools: [deploy] }, { store })
      const told = new History(set, store)
      runs = told.ran
      for (const step of history) await told.take(step)
      await told.settle()
      for (const name of sessions) await checkGoesOn(store, name)
      expect(await told.unlisted()).toEqual([])
      await told.end()
      expect(new Set(runs).size).toBe(runs.length)
      expect(runs.length).toBeLessThanOrEqual(told.approved.size + (await decidedYes(store)))
      expect(await set.claw.approvals.list()).toEqual([])
      await flushEventLoop()
      expect(await store.list([tenant, 'approvals'])).toEqual([])
      for (const name of sessions) await checkJournal(store, name)
      await set.claw.stop()
    }),
    // A history that stands still is named, instead of the whole test.
    { numRuns: 300, timeout: 20_000 },
  )
}, 120_000)

async function records(store: MemoryStore, name: string): Promise<readonly LogEntry[]> {
  return (await store.readLog([tenant, 'sessions', 'main', name]))?.records ?? []
}

/** Approvals whose caller did not hear of them, because the process went down. */
async function decidedYes(store: MemoryStore): Promise<number> {
  const all = (await Promise.all(sessions.map((name) => records(store, name)))).flat()
  return all.filter(({ type, data }) => type === 'approval-decision' && (data.answer as { decision: string }).decision === 'approved')
    .length
}

/** A run goes on from its decision without waiting for anything: there is a later record of it. */
async function checkGoesOn(store: MemoryStore, name: string): Promise<void> {
  const all = await records(store, name)
  for (const [index, { type, data }] of all.entries()) {
    if (type !== 'approval-decision') continue
    const later = all.slice(index + 1).some((record) => record.data.runId === data.runId)
    expect([name, data.id, later]).toEqual([name, data.id, true])
  }
}

/** Each request has at most one decision; each intent of a call follows an approval of it. */
async function checkJournal(store: MemoryStore, name: string): Promise<void> {
  const decided = new Map<string, string>()
  const asked = new Map<string, string>()
  for (const { type, data } of await records(store, name)) {
    if (type === 'approval-request') {
      const { id, toolCallId } = data.request as { id: string; toolCallId: string }
      asked.set(`${data.runId} ${toolCallId}`, id)
    }
    if (type === 'approval-decision') {
      expect(decided.has(data.id as string)).toBe(false)
      decided.set(data.id as string, (data.answer as { decision: string }).decision)
    }
    if (type === 'tool-intent') expect(decided.get(asked.get(`${data.runId} ${data.toolCallId}`) ?? '')).toBe('approved')
  }
}
