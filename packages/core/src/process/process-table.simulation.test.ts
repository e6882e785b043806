/** Seeded lives of a table: output, reads, kills, exits, crashes of the part and of the whole tree come in any order. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { killPart } from '../testing/parts.ts'
import type { ScriptedProcess } from '../testing/scripted-sandbox.ts'
import type { BackgroundProcess } from './process-types.ts'
import { key, type TableStage, tableStage } from './testing/table-stage.ts'

const seeds = 300
const steps = 40
const ringBytes = 1_024

/** Returns numbers from 0 up to 1 that depend on the seed alone. */
function numbersOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}

/** What the test knows of a process. */
interface Known {
  readonly id: string
  readonly process: ScriptedProcess
  printed: string
  cursor: number
  /** Whether a kill was asked for by a caller. */
  isKilled: boolean
  readonly isBackground: boolean
  /** Output before it is not what was printed: the table was started again. */
  hasGap: boolean
  end: BackgroundProcess | undefined
}

class Life {
  readonly known: Known[] = []
  readonly #next: () => number
  readonly #staged: TableStage
  readonly #store: MemoryStore
  /** A write has failed: what was seen may not be durable. */
  #isDoubtful = false

  constructor(seed: number, staged: TableStage, store: MemoryStore) {
    this.#next = numbersOf(seed)
    this.#staged = staged
    this.#store = store
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#next() * list.length)]
  }

  get #living(): readonly Known[] {
    return this.known.filter(({ end }) => end === undefined)
  }

  async step(): Promise<void> {
    const roll = this.#next()
    if (roll < 0.2) await this.#begin()
    else if (roll < 0.5) this.#print()
    else if (roll < 0.65) this.#read()
    else if (roll < 0.75) this.#pick(this.#living)?.process.exit(Math.floor(this.#next() * 3))
    else if (roll < 0.83) await this.#kill()
    else if (roll < 0.86) this.#failWrites()
    else if (roll < 0.94) await this.#staged.clock.advance(Math.floor(this.#next() * 4_000))
    else if (roll < 0.97) await this.#crash('part')
    else await this.#crash('tree')
    await flushEventLoop()
    this.#check()
  }

  async #begin(): Promise<void> {
    const isBackground = this.#next() < 0.7
    try {
      const { shown, process } = await this.#staged.begin({ isBackground, ...(this.#next() < 0.2 ? { timeoutMs: 3_000 } : {}) })
      if (this.#next() < 0.3) process.ignores.add('SIGTERM')
      if (this.#next() < 0.3) process.children = 1
      const base = { printed: '', cursor: 0, isKilled: false, hasGap: false, end: undefined }
      this.known.push({ id: shown.id, process, isBackground, ...base })
    } catch (error) {
      if (!BeamClawError.isInstance(error)) throw error
      expect(['too-many-processes', 'store-io']).toContain(error.code)
    }
  }

  #print(): void {
    const one = this.#pick(this.#living)
    if (one === undefined) return
    const text = 'aé€🦦'.repeat(1 + Math.floor(this.#next() * 60))
    one.process.print(text)
    one.printed += text
  }

  #read(): void {
    const one = this.#pick(this.known.filter(({ hasGap }) => !hasGap))
    if (one === undefined) return
    const { text, next, missed, total } = this.#staged.processes.read(one.id, { from: one.cursor, maxBytes: 256 })
    const whole = new TextEncoder().encode(one.printed)
    expect(total).toBe(whole.length)
    const from = one.cursor + missed
    expect(new TextDecoder().decode(whole.subarray(from, next)).endsWith(text)).toBe(true)
    expect(whole.length - from).toBeLessThanOrEqual(missed > 0 ? ringBytes : Number.POSITIVE_INFINITY)
    one.cursor = next
  }

  async #kill(): Promise<void> {
    const one = this.#pick(this.known)
    if (one === undefined) return
    const wasOver = one.end !== undefined
    const killing = Promise.all([this.#staged.processes.kill(one.id), this.#staged.processes.kill(one.id)])
    if (!wasOver) one.isKilled = true
    await this.#staged.clock.advance(6_000)
    const [first, second] = await killing
    expect(first).toEqual(second)
    expect(one.process.isRunning).toBe(false)
    if (!wasOver) expect(one.process.children).toBe(0)
  }

  #failWrites(): void {
    const put = this.#store.put
    let left = 2
    this.#isDoubtful = true
    this.#store.put = async (name, value, options) => {
      if (name[1] !== 'processes' || left-- <= 0) return put.call(this.#store, name, value, options)
      throw new BeamClawError('store-io', 'a hiccup')
    }
  }

  async #crash(what: 'part' | 'tree'): Promise<void> {
    for (const one of this.known) one.hasGap = true
    if (what === 'tree') await this.#staged.restart()
    else {
      killPart(this.#staged.claw, 'processes')
      await this.#staged.clock.advance(60_000)
    }
  }

  /** What holds at every moment. */
  #check(): void {
    const shown = new Map(this.#staged.processes.list().map((one) => [one.id, one]))
    expect(shown.size).toBe(this.known.length)
    for (const one of this.known) {
      const now = shown.get(one.id)
      const isOver = now?.endedAt !== undefined
      if (this.#isDoubtful && now?.status === 'lost') one.end = now
      if (one.end !== undefined) expect([now?.status, now?.exit, now?.endedAt]).toEqual([one.end.status, one.end.exit, one.end.endedAt])
      else if (isOver) one.end = now
      if (now?.status === 'lost') expect(one.process.isRunning || one.process.children > 0).toBe(false)
      // While it is being ended, its children may be left.
      if (now?.status === 'running') expect(one.process.isRunning || one.process.signals.length > 0).toBe(true)
    }
  }
}

describe('a table of processes', () => {
  test(`keeps its promises in ${seeds} lives`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const store = new MemoryStore()
      const staged = await tableStage({ ringBytes, maxPerSession: steps, keepFinishedMs: 1_000_000_000 }, { store })
      await staged.claw.session(key).send('hello').result()
      const life = new Life(seed, staged, store)
      try {
        for (let step = 0; step < steps; step++) await life.step()
        for (const { process } of life.known) process.exit(0)
        await staged.clock.advance(200_000)
        const told = await staged.notices()
        for (const one of life.known) {
          const times = told.filter((text) => text.includes(`process ${one.id} `)).length
          const { status } = staged.processes.get(one.id)
          const mayBeSilent = !one.isBackground || one.isKilled
          expect(times, `${one.id}, ${status}`).toBeLessThanOrEqual(1)
          if (!one.isBackground) expect(times).toBe(0)
          if (!mayBeSilent) expect(times, `${one.id}, ${status}`).toBe(1)
        }
        await staged.claw.stop()
        expect(staged.clock.pendingTimers, 'timers').toBe(0)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
})
