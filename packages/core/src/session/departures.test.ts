import type { ChildInfo, DynamicSupervisor } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { parseSessionKey, type SessionKey } from '../base/ids.ts'
import type { NodeRef } from '../ports/cluster.ts'
import { Departures, type DeparturesOptions } from './departures.ts'

const keyOf = (name: string): SessionKey => parseSessionKey(`agent:main:${name}`)
const other: NodeRef = { id: 'other' as NodeRef['id'], incarnation: 'other-1' }

/** A supervisor of sessions whose ends resolve when the test says so. */
class Sessions {
  readonly clock = new ManualClock()
  readonly ending: SessionKey[] = []
  readonly paused: SessionKey[] = []
  readonly busy = new Set<SessionKey>()
  readonly starting = new Set<SessionKey>()
  readonly departures: Departures
  /** What a pause waits for. */
  step: Promise<void> = Promise.resolve()
  readonly pauseLimits: (number | undefined)[] = []
  #children: { readonly id: SessionKey; readonly actor: object }[]
  readonly #ends = new Map<SessionKey, () => void>()

  constructor(keys: readonly SessionKey[]) {
    this.#children = []
    for (const key of keys) this.begin(key)
    const supervisor = {
      whichChildren: () => this.#children as unknown as ChildInfo[],
      countChildren: () => ({ specs: this.#children.length }),
      terminateChild: (actor: object) => {
        const child = this.#children.find((one) => one.actor === actor)
        if (child === undefined) return Promise.reject(new Error('gone'))
        this.ending.push(child.id)
        return new Promise<void>((resolve) => this.#ends.set(child.id, resolve))
      },
    } as unknown as DynamicSupervisor
    const activity = { hasWork: (key: SessionKey) => this.busy.has(key) }
    const dependencies = { activity, overviews: { left: () => {} }, services: { clock: this.clock } }
    const options = { sessions: () => supervisor, dependencies, onLeave: () => {} }
    this.departures = new Departures(options as unknown as DeparturesOptions)
  }

  begin(id: SessionKey): void {
    const inspect = (): object => ({ state: this.starting.has(id) ? 'starting' : 'running' })
    const call = async (_: unknown, { timeoutMs }: { readonly timeoutMs?: number }): Promise<void> => {
      this.paused.push(id)
      this.pauseLimits.push(timeoutMs)
      await this.step
    }
    this.#children.push({ id, actor: { call, leaveTo: () => true, inspect } })
  }

  /** Ends what is to end. */
  async end(): Promise<void> {
    for (const [key, resolve] of [...this.#ends]) {
      this.#ends.delete(key)
      this.#children = this.#children.filter(({ id }) => id !== key)
      resolve()
    }
    await flushEventLoop()
  }
}

const many = Array.from({ length: 40 }, (_, index) => keyOf(`s${index}`))

test('those with work leave at once, and those at rest some at a time, so that the others still answer', async () => {
  const sessions = new Sessions(many)
  const [first, last] = [many[0] as SessionKey, many[39] as SessionKey]
  for (const key of [first, last]) sessions.busy.add(key)
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  expect(sessions.ending.length).toBe(18)
  expect(sessions.ending.slice(0, 3)).toEqual([first, last, many[1]])
  await sessions.end()
  expect(sessions.ending.length).toBe(34)
  // Those that do not end hold up the next ones for a moment.
  await sessions.clock.advance(19)
  expect(sessions.ending.length).toBe(34)
  await sessions.clock.advance(1)
  expect(sessions.ending.length).toBe(40)
  await sessions.end()
  expect((await letGo).toSorted()).toEqual(many.toSorted())
})

test('those that were being started meanwhile leave, too, once they are up', async () => {
  const [one, two] = many as [SessionKey, SessionKey]
  const sessions = new Sessions([one])
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  sessions.begin(two)
  await sessions.end()
  await sessions.clock.advance(200)
  expect(sessions.ending).toEqual([one, two])
  await sessions.end()
  expect(await letGo).toEqual([one, two])
})

test('one that is being started has not left: it leaves once it is up', async () => {
  const [one] = many as [SessionKey]
  const sessions = new Sessions([one])
  sessions.starting.add(one)
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  expect([sessions.ending, sessions.paused, await sessions.departures.hasGone(one)]).toEqual([[], [], false])
  sessions.starting.clear()
  await sessions.clock.advance(200)
  expect(sessions.ending).toEqual([one])
  await sessions.end()
  await letGo
})

test('all leave at once, without a pause, where none may go on', async () => {
  const sessions = new Sessions(many)
  const letGo = sessions.departures.letGo(0)
  await flushEventLoop()
  expect([sessions.ending.length, sessions.paused.length]).toEqual([40, 0])
  await sessions.end()
  await letGo
  expect(await sessions.departures.hasGone(many[0] as SessionKey)).toBe(false)
})

test('a step under way has its time: the session is ended once the step is done, and no sooner', async () => {
  const [key] = many as [SessionKey]
  const sessions = new Sessions([key])
  sessions.busy.add(key)
  const step = Promise.withResolvers<void>()
  sessions.step = step.promise
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  expect([sessions.paused, sessions.pauseLimits, sessions.ending]).toEqual([[key], [1_000], []])
  step.resolve()
  await flushEventLoop()
  expect(sessions.ending).toEqual([key])
  await sessions.end()
  await letGo
})

test('a step that takes longer than its time does not keep its session', async () => {
  const [key] = many as [SessionKey]
  const sessions = new Sessions([key])
  sessions.busy.add(key)
  sessions.step = Promise.reject(new Error('call-timeout'))
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  expect(sessions.ending).toEqual([key])
  await sessions.end()
  await letGo
})

test('the first caller of one that has left is told so, once that is true; the next one finds out what is wrong with that', async () => {
  const [key] = many as [SessionKey]
  const sessions = new Sessions([key])
  const { departures } = sessions
  expect(await departures.hasGone(key)).toBe(false)
  const letGo = departures.letGo(1_000)
  await flushEventLoop()
  let told: boolean | undefined
  void departures.hasGone(key).then((hasGone) => {
    told = hasGone
  })
  await flushEventLoop()
  expect(told).toBeUndefined()
  await sessions.end()
  await letGo
  expect([told, await departures.hasGone(key)]).toEqual([true, false])
})

test('a caller does not wait for one that does not end soon', async () => {
  const [key] = many as [SessionKey]
  const sessions = new Sessions([key])
  const letGo = sessions.departures.letGo(1_000)
  await flushEventLoop()
  const told = sessions.departures.hasGone(key)
  await sessions.clock.advance(200)
  expect(await told).toBe(false)
  await sessions.end()
  await letGo
})

test('one with work is not given away', async () => {
  const [key] = many as [SessionKey]
  const sessions = new Sessions([key])
  sessions.busy.add(key)
  expect(await sessions.departures.giveTo(key, other)).toBe(false)
  sessions.busy.delete(key)
  const given = sessions.departures.giveTo(key, other)
  await sessions.end()
  expect([await given, sessions.ending]).toEqual([true, [key]])
  expect(await sessions.departures.giveTo(keyOf('unknown'), other)).toBe(false)
})
