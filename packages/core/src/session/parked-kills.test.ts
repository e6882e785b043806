import { silentLogger } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wrapLog } from '../adapter/wrap-log.ts'
import { wrapStore } from '../adapter/wrap-store.ts'
import type { AgentOptions } from '../agent/agent.ts'
import type { RunEvent } from '../base/events.ts'
import { BeamClaw } from '../beamclaw.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Store } from '../ports/store.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'
import { FunctionModel } from '../testing/model.ts'

const key = 'agent:old:main'
const main: AgentOptions = { id: 'main', model: 'test/model' }
const old: AgentOptions = { id: 'old', model: 'test/model' }

type Moment = 'before' | 'after'

/** Counts the calls of one process to the store, and calls `kill` before or after one of them takes effect. A process that was killed calls no more. */
class KillingStore {
  calls = 0
  isDead = false
  readonly store: Store
  readonly #at: number
  readonly #moment: Moment
  kill: () => void = () => {}

  constructor(memory: MemoryStore, at: number, moment: Moment) {
    this.#at = at
    this.#moment = moment
    this.store = wrapStore(memory, {
      get: (name) => this.#make(() => memory.get(name)),
      put: (name, value, options) => this.#make(() => memory.put(name, value, options)),
      delete: (name, options) => this.#make(() => memory.delete(name, options)),
      list: (prefix, options) => this.#make(() => memory.list(prefix, options)),
      deleteLog: (name, token) => this.#make(() => memory.deleteLog(name, token)),
      openLog: async (name, token) => {
        const log = await this.#make(() => memory.openLog(name, token))
        return wrapLog(log, {
          append: (records) => this.#make(() => log.append(records)),
          read: (fromSeq) => this.#make(() => log.read(fromSeq)),
          snapshot: (snapshot) => this.#make(() => log.snapshot(snapshot)),
          close: () => this.#make(() => log.close()),
        })
      },
      stop: async () => {},
    })
  }

  async #make<T>(call: () => Promise<T>): Promise<T> {
    if (this.isDead) return new Promise(() => {})
    const isIt = ++this.calls === this.#at
    if (isIt && this.#moment === 'before') this.#end()
    if (this.isDead) return new Promise(() => {})
    const answer = await call()
    if (isIt) this.#end()
    return this.isDead ? new Promise(() => {}) : answer
  }

  #end(): void {
    this.isDead = true
    this.kill()
  }
}

interface World {
  readonly memory: MemoryStore
  readonly clock: ManualClock
  readonly model: FunctionModel
  /** Lets the model answer from now on. */
  open(): void
}

function world(): World {
  const gate = Promise.withResolvers<void>()
  const model = new FunctionModel(async () => {
    await gate.promise
    return { text: 'fine' }
  })
  return { memory: new MemoryStore(), clock: new ManualClock(), model, open: gate.resolve }
}

interface Life {
  readonly claw: RunningBeamClaw | undefined
  readonly calls: () => number
}

/** One process: does `story`, and is killed at a call to the store, if it makes so many. */
async function life(
  { memory, clock, model }: World,
  agents: readonly AgentOptions[],
  story: (claw: RunningBeamClaw) => Promise<unknown>,
  at = Number.POSITIVE_INFINITY,
  moment: Moment = 'before',
): Promise<Life> {
  const killing = new KillingStore(memory, at, moment)
  const dead = new Promise<undefined>((resolve) => {
    killing.kill = () => resolve(undefined)
  })
  const started = new BeamClaw({
    providers: { test: model },
    agents,
    store: killing.store,
    services: { clock, logger: silentLogger },
  }).start()
  const claw = await Promise.race([started, dead])
  if (claw === undefined) return { claw, calls: () => killing.calls }
  onTestFinished(() => claw.kill())
  killing.kill = () => claw.kill()
  if (killing.isDead) claw.kill()
  await Promise.race([story(claw).catch(() => {}), claw.ended])
  await clock.advance(6_000)
  claw.kill()
  return { claw, calls: () => killing.calls }
}

/** Two messages that are accepted and not answered. */
async function twoAccepted(at: World): Promise<void> {
  await life(at, [main, old], async (claw) => {
    await claw.session(key).send('hello', { idempotencyKey: 'one' }).accepted
    await claw.session(key).send('and more', { idempotencyKey: 'two' }).accepted
    await flushEventLoop()
  })
}

/** In a process with the agent, both messages are answered once, and by themselves. */
async function expectAnsweredOnce(at: World): Promise<void> {
  at.open()
  const claw = await new BeamClaw({
    providers: { test: at.model },
    agents: [main, old],
    store: wrapStore(at.memory, { stop: async () => {} }),
    services: { clock: at.clock, logger: silentLogger },
  }).start()
  onTestFinished(() => claw.kill())
  await claw.resumed
  await at.clock.advance(10_000)
  await claw.drain()
  const events: RunEvent[] = []
  const { runs, messages } = await claw.session(key).history()
  expect(runs).toEqual([])
  expect(messages.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  for (const runId of ['one', 'two']) expect((await claw.session(key).follow(runId).result()).text).toBe('fine')
  for await (const event of claw.session(key).subscribe()) {
    events.push(event)
    if (event.type === 'run-end' && event.runId === 'two') break
  }
  for (const runId of ['one', 'two']) {
    expect(events.filter((event) => event.type === 'run-end' && event.runId === runId)).toHaveLength(1)
    expect(events.filter((event) => event.type === 'message-accepted' && event.runId === runId)).toHaveLength(1)
  }
  claw.kill()
}

const stories: Record<
  string,
  { readonly agents: readonly AgentOptions[]; readonly story: (claw: RunningBeamClaw, at: World) => Promise<unknown> }
> = {
  'parks it at the start': {
    agents: [main],
    story: async (claw) => {
      await claw.resumed
      await claw.drain()
    },
  },
  'looks at it while it is parked': {
    agents: [main],
    story: async (claw) => {
      await claw.resumed
      await claw.session(key).history()
      await claw.sessions()
      await claw
        .session(key)
        .send('refused')
        .accepted.catch(() => {})
      await claw.stop()
    },
  },
  'unparks it': {
    agents: [main],
    story: async (claw, at) => {
      await claw.resumed
      at.open()
      claw.updateAgents([main, old])
      await claw.session(key).follow('two').result()
      await claw.drain()
    },
  },
  'unparks it, and the agent is removed again meanwhile': {
    agents: [main],
    story: async (claw, at) => {
      await claw.resumed
      claw.updateAgents([main, old])
      claw.updateAgents([main])
      await flushEventLoop()
      claw.updateAgents([main, old])
      await Promise.resolve()
      claw.updateAgents([main])
      at.open()
      await claw.drain()
    },
  },
  'unparks it, and stops': {
    agents: [main],
    story: async (claw) => {
      await claw.resumed
      claw.updateAgents([main, old])
      await claw.stop()
    },
  },
}

describe('a session whose agent is not configured, in a process that is killed at any call to the store', () => {
  test.each(Object.entries(stories))('loses no message, and each is answered once: %s', async (_, { agents, story }) => {
    const whole = world()
    await twoAccepted(whole)
    const { calls } = await life(whole, agents, (claw) => story(claw, whole))
    await expectAnsweredOnce(whole)
    expect(calls()).toBeGreaterThan(3)
    for (let call = 1; call <= calls(); call++) {
      for (const moment of ['before', 'after'] as const) {
        const at = world()
        await twoAccepted(at)
        await life(at, agents, (claw) => story(claw, at), call, moment)
        // Killed once more on the way, at the same place.
        await life(at, agents, (claw) => story(claw, at), call, moment)
        await expectAnsweredOnce(at)
      }
    }
  })
})
