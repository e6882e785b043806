/** Seeded lives of sub-agents: spawns, ends, cancels, and crashes before or after any write, in any order. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import type { MemoryStore } from '../defaults/memory-store.ts'
import type { LogEntry } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import type { ModelTurn } from '../testing/model.ts'
import { MortalStore } from '../testing/mortal-store.ts'
import { key, lastAsked, type SpawnStage, spawnStage } from './testing/spawn-stage.ts'

const seeds = 200
const steps = 25

/** Returns numbers from 0 up to 1 that depend on the seed alone. */
function numbersOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}

/** What the model of the sub-agents does: a task waits until it is let go. */
class Tasks {
  readonly #free = new Map<string, PromiseWithResolvers<void>>()
  isOpen = false

  async answer(task: string): Promise<ModelTurn> {
    if (!this.isOpen) await this.#gate(task).promise
    return { text: `did ${task}` }
  }

  letGo(task: string): void {
    this.#gate(task).resolve()
  }

  letAllGo(): void {
    this.isOpen = true
    for (const { resolve } of this.#free.values()) resolve()
  }

  #gate(task: string): PromiseWithResolvers<void> {
    const gate = this.#free.get(task) ?? Promise.withResolvers<void>()
    this.#free.set(task, gate)
    return gate
  }
}

class Life {
  /** Every task that was asked for, with the key of the asking. */
  readonly asked: string[] = []
  /** Tasks whose spawn has resolved. */
  readonly spawned = new Map<string, string>()
  readonly #next: () => number
  readonly #staged: SpawnStage
  readonly #store: MortalStore
  readonly #tasks: Tasks

  constructor(seed: number, staged: SpawnStage, store: MortalStore, tasks: Tasks) {
    this.#next = numbersOf(seed)
    this.#staged = staged
    this.#store = store
    this.#tasks = tasks
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#next() * list.length)]
  }

  async step(): Promise<void> {
    await this.revive()
    const roll = this.#next()
    const { claw } = this.#staged
    // What a process that went down was asked has no answer.
    await Promise.race([this.#take(roll), claw.ended])
    for (let round = 0; round < 1 + this.#next() * 4; round++) await flushEventLoop()
  }

  async revive(): Promise<void> {
    if (!this.#staged.claw.isRunning) await this.#restart()
  }

  /** A process that is only starting could not be killed by the store. */
  async #restart(): Promise<void> {
    this.#store.live()
    await this.#staged.restart()
  }

  async #take(roll: number): Promise<void> {
    if (roll < 0.35) return this.#spawn(`task-${this.asked.length}.`)
    if (roll < 0.4) return this.#spawn(this.#pick(this.asked) ?? 'task-0.')
    if (roll < 0.6) return this.#tasks.letGo(this.#pick(this.asked) ?? '')
    if (roll < 0.7) return this.#cancel()
    if (roll < 0.75) return this.#staged.clock.advance(Math.floor(this.#next() * 4_000))
    if (roll < 0.8) return this.#restart()
    const when = this.#next() < 0.5 ? 'before' : 'after'
    this.#store.dieAt(1 + Math.floor(this.#next() * 12), when, () => this.#staged.claw.kill())
  }

  async #spawn(task: string): Promise<void> {
    if (!this.asked.includes(task)) this.asked.push(task)
    try {
      const { id } = await this.#staged.subAgents.spawn({ parent: key, task, idempotencyKey: task })
      this.spawned.set(task, id)
    } catch (error) {
      this.#check(error)
    }
  }

  async #cancel(): Promise<void> {
    const one = this.#pick(this.#staged.subAgents.list())
    if (one === undefined) return
    this.#staged.subAgents.cancel(one.id).catch((error: unknown) => this.#check(error))
  }

  #check(error: unknown): void {
    const expected = ['actor-not-running', 'actor-killed', 'actor-stopped', 'too-many-sub-agents']
    if (!BeamClawError.isInstance(error) || (!expected.includes(error.code) && this.#staged.claw.isRunning)) throw error
  }

  /** Lets everything end. */
  async end(): Promise<void> {
    this.#store.live()
    this.#tasks.letAllGo()
    await this.revive()
    await this.#staged.until(async () => {
      await this.#staged.clock.advance(5_000)
      return this.#staged.subAgents.list({ isRunning: true }).length === 0
    })
    await this.#staged.clock.advance(200_000)
    await this.#staged.flush()
  }
}

/** Returns the records of a session's journal. */
async function journalOf(store: MemoryStore, agent: string, session: string): Promise<readonly LogEntry[]> {
  return (await store.readLog(['default', 'sessions', agent, session] as unknown as StoreKey))?.records ?? []
}

test(`each spawn runs once, is told once, and none is lost, in ${seeds} lives`, async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const store = new MortalStore()
    const tasks = new Tasks()
    const staged = await spawnStage((request) => (request.agent === 'researcher' ? tasks.answer(lastAsked(request)) : { text: 'noted' }), {
      rest: { store },
    })
    await staged.claw.session(key).send('hello').result()
    const life = new Life(seed, staged, store, tasks)
    try {
      for (let step = 0; step < steps; step++) await life.step()
      await life.end()
      const told = await staged.notices()
      const all = staged.subAgents.list()
      for (const [task, id] of life.spawned) expect(all.find((one) => one.id === id)?.task, 'lost').toBe(task)
      for (const one of all) {
        expect(told.filter((text) => text.includes(`id ${one.id})`)).length, `${one.task} told`).toBe(1)
        const records = await journalOf(store, 'researcher', `sub:${one.id}`)
        const begun = records.filter(({ type }) => type === 'run-start').length
        expect(begun, `${one.task} ${one.status}`).toBeLessThanOrEqual(1)
        if (one.status === 'completed') expect([begun, one.answer]).toEqual([1, `did ${one.task}`])
        else expect(one.status).toBe('cancelled')
      }
      expect(told.length).toBe(all.length)
      await staged.claw.stop()
      expect(staged.clock.pendingTimers, 'timers').toBe(0)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
}, 120_000)
