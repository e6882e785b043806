import { Actor, ResourceActor } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { MemoryStore } from '../defaults/memory-store.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { killPart, partTree } from '../testing/parts.ts'
import type { Part, PartHost } from './part.ts'

const echo = (): FunctionModel => new FunctionModel(() => ({ text: 'fine' }))

/** A part that writes down what happens to it. */
function witness(id: string, log: string[], extra: Partial<Part> = {}): Part {
  return {
    id,
    start: () => ({
      start: () => new ResourceActor({ open: () => void log.push(`open ${id}`), close: () => void log.push(`close ${id}`) }),
    }),
    ...extra,
  }
}

describe("a host's own part", () => {
  test('joins the tree in three lines, sends to sessions, and is stopped with them', async () => {
    class Greeter extends Actor<string, string> {
      readonly #host: PartHost
      constructor(host: PartHost) {
        super()
        this.#host = host
      }
      protected override async handle(name: string): Promise<string> {
        return (await this.#host.session('agent:main:hall').send(`greet ${name}`).result()).text
      }
    }
    const greeter: Part = { id: 'greeter', start: (host) => ({ start: () => new Greeter(host) }) }
    const finder: { host?: PartHost } = {}
    const other: Part = {
      id: 'other',
      start: (host) => {
        finder.host = host
        return { start: () => new ResourceActor({}) }
      },
    }
    const { claw } = await stage(echo(), {}, { parts: [greeter, other] })
    const actor = finder.host?.part('greeter') as Greeter | undefined
    expect(await actor?.call('Ada')).toBe('fine')
    expect(partTree(claw, 'greeter')).toMatchObject({ id: 'greeter', restarts: 0 })
    await claw.stop()
    expect(actor?.isAlive).toBe(false)
  })

  test('has its own id in the tree, whatever its spec says', async () => {
    const part: Part = { id: 'mine', start: () => ({ id: 'tools', start: () => new ResourceActor({}) }) as never }
    const { claw } = await stage(echo(), {}, { parts: [part] })
    expect(partTree(claw, 'mine')).toMatchObject({ id: 'mine', state: 'running' })
    expect((await claw.session('agent:main:a').send('hello').result()).text).toBe('fine')
    await claw.stop()
  })

  test('starts after the sessions, or before all tenants where it belongs to the node, and stops in reverse, before the store', async () => {
    const log: string[] = []
    const store = new MemoryStore()
    const stop = store.stop.bind(store)
    store.stop = async () => {
      log.push('store')
      await stop()
    }
    const { claw } = await stage(echo(), {}, { store, parts: [witness('late', log), witness('ledger', log, { level: 'node' })] })
    const [parts, tenants] = claw.tree().children ?? []
    expect(parts?.children?.map(({ id }) => id)).toEqual(['ledger'])
    expect(tenants?.children?.[0]?.children?.map(({ id }) => id)).toEqual([
      'activity',
      'tools',
      'sessions',
      'approvals',
      'retention',
      'parts',
      'waker',
    ])
    expect(partTree(claw, 'late')?.id).toBe('late')
    await claw.stop()
    expect(log).toEqual(['open ledger', 'open late', 'close late', 'close ledger', 'store'])
  })

  test('that crashes is started again, and what was started before it goes on', async () => {
    const log: string[] = []
    const { claw } = await stage(echo(), {}, { parts: [witness('late', log)] })
    await claw.session('agent:main:main').send('hello').result()
    killPart(claw, 'late')
    await flushEventLoop()
    expect(log).toEqual(['open late', 'open late'])
    expect(partTree(claw, 'sessions')?.children).toMatchObject([{ id: 'agent:main:main', restarts: 0 }])
    await claw.stop()
  })

  test.each(['node', 'tenant'] as const)(
    'that crashes for hours is started again and again, and ends nothing but itself, at level %s',
    async (level) => {
      let starts = 0
      const broken: Part = {
        id: 'broken',
        level,
        start: () => ({
          start: () =>
            new ResourceActor({
              open: () => {
                if (++starts > 1) throw new Error('no service')
              },
            }),
        }),
      }
      const log: string[] = []
      const { claw, clock } = await stage(
        echo(),
        {},
        { parts: [witness('first', log, { level }), broken, witness('after', log, { level })] },
      )
      await claw.session('agent:main:main').send('hello').result()
      claw.part(broken)?.kill()
      for (let minute = 0; minute < 120; minute++) {
        await clock.advance(60_000)
        await flushEventLoop()
      }
      expect(starts).toBeGreaterThan(120)
      expect(starts).toBeLessThan(2_000)
      expect(claw.isRunning).toBe(true)
      expect(partTree(claw, 'sessions')?.restarts).toBe(0)
      expect(log).toEqual(['open first', 'open after', 'close after'])
      expect((await claw.session('agent:main:main').send('hello').result()).text).toBe('fine')
      await claw.stop()
    },
  )

  test('that does not start keeps the BeamClaw from starting, and names itself', async () => {
    const log: string[] = []
    const broken: Part = {
      id: 'broken',
      start: () => ({ start: () => new ResourceActor({ open: () => Promise.reject(new Error('no port')) }) }),
    }
    await expect(stage(echo(), {}, { parts: [witness('first', log), broken] })).rejects.toMatchObject({
      code: 'child-start-failed',
      details: { childId: 'broken' },
    })
    expect(log).toEqual(['open first', 'close first'])
  })

  test.each(['node', 'tenant'] as const)('whose `start` throws is named too, at level %s', async (level) => {
    const start = (): never => {
      throw new Error('no settings')
    }
    await expect(stage(echo(), {}, { parts: [{ id: 'broken', level, start }] })).rejects.toMatchObject({
      code: 'child-start-failed',
      message: expect.stringContaining('no settings'),
      details: { childId: 'broken' },
    })
  })

  test.each([
    [[{ id: 'x' }], 'invalid-option'],
    [[{ id: '', start: () => ({}) }], 'invalid-option'],
    [[{ id: 'x', start: () => ({}), after: 'sessions' }], 'invalid-option'],
    [[witness('twice', []), witness('twice', [])], 'duplicate-child-id'],
    [[witness('sessions', [])], 'duplicate-child-id'],
  ])('is checked when the BeamClaw is made: %#', async (parts, code) => {
    await expect(stage(echo(), {}, { parts: parts as unknown as readonly Part[] })).rejects.toMatchObject({ code })
  })
})

describe('an actor of a part', () => {
  class Counter extends Actor<number, number> {
    count = 0
    protected override handle(step: number): number {
      this.count += step
      return this.count
    }
  }

  test('is reached from the running BeamClaw, with its own type', async () => {
    const counter = { id: 'counter', start: () => ({ start: () => new Counter() }) } satisfies Part
    const shared: Part<Counter> = { id: 'shared', level: 'node', start: () => ({ start: () => new Counter() }) }
    const { claw } = await stage(echo(), {}, { parts: [counter, shared], tenants: ['default', 'acme'] })
    expectTypeOf(claw.part(counter)).toEqualTypeOf<Counter | undefined>()
    expect(await claw.part(counter)?.call(2)).toBe(2)
    expect(await claw.part(counter, 'acme')?.call(3)).toBe(3)
    expect(await claw.part(shared)?.call(4)).toBe(4)
    expect(claw.part(counter)?.count).toBe(2)
    expect(() => claw.part(counter, 'nobody')).toThrow(expect.objectContaining({ code: 'unknown-tenant' }))
    expect(() => claw.part(null as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    await claw.stop()
    expect(claw.part(counter)).toBeUndefined()
  })
})
