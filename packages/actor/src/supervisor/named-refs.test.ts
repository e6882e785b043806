import { describe, expect, expectTypeOf, test } from 'vitest'
import { Actor } from '../actor/actor.ts'
import type { ActorContext, ActorRef } from '../actor/actor-ref.ts'
import type { IGNORE } from '../actor/internals.ts'
import type { ExitNotice } from '../base/exit-reason.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { Registry } from '../registry/registry.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import type { ChildSpec } from './child-spec.ts'
import { Supervisor } from './supervisor.ts'

class Counter extends Actor<'add' | 'crash', number> {
  #count = 0

  protected override handle(message: 'add' | 'crash'): number {
    if (message === 'crash') throw new Error('told to')
    return ++this.#count
  }
}

class Greeter extends Actor<{ readonly name: string }, string> {
  protected override async handle({ name }: { readonly name: string }): Promise<string> {
    return `hello ${name}`
  }
}

const services = { logger: silentLogger }

async function tree() {
  const supervisor = new Supervisor({
    children: [
      { id: 'counter', start: () => new Counter() },
      { id: 'greeter', start: async () => new Greeter(), restart: 'temporary' },
    ],
  })
  await supervisor.start(services)
  return supervisor
}

describe('a reference by the id of a child', () => {
  test('takes the messages of its actor, and replies as it does', async () => {
    const supervisor = await tree()
    expectTypeOf(supervisor.ref('counter')).toEqualTypeOf<ActorRef<'add' | 'crash', number>>()
    expectTypeOf(supervisor.ref('greeter')).toEqualTypeOf<ActorRef<{ readonly name: string }, string>>()
    expectTypeOf(supervisor.child('counter')).toEqualTypeOf<Counter | undefined>()
    expect(await supervisor.ref('greeter').call({ name: 'Ann' })).toBe('hello Ann')
    await supervisor.stop()
  })

  test('goes to the present incarnation, over any number of restarts', async () => {
    const supervisor = await tree()
    const counter = supervisor.ref('counter')
    expect([await counter.call('add'), await counter.call('add')]).toEqual([1, 2])
    await expect(counter.call('crash')).rejects.toMatchObject({ code: 'actor-crashed' })
    await flushEventLoop()
    expect(await counter.call('add')).toBe(1)
    counter.cast('add')
    expect(await counter.call('add')).toBe(3)
    expect(supervisor.child('counter')?.generation).toBe(2)
    await supervisor.stop()
  })

  test('refuses at once while no incarnation runs, and serves again when one does', async () => {
    const supervisor = await tree()
    const counter = supervisor.ref('counter')
    expect(counter).toMatchObject({ id: 'counter', isAlive: true })
    await supervisor.terminateChild('counter')
    expect(counter.isAlive).toBe(false)
    await expect(counter.call('add')).rejects.toMatchObject({ code: 'actor-not-running', details: { id: 'counter' } })
    expect(() => counter.cast('add')).toThrow(expect.objectContaining({ code: 'actor-not-running' }))
    await supervisor.restartChild('counter')
    expect(await counter.call('add')).toBe(1)
    await supervisor.stop()
    await expect(counter.call('add')).rejects.toMatchObject({ code: 'actor-not-running' })
  })

  test('is had before the start, and only for a child that there is', async () => {
    const supervisor = new Supervisor({ children: [{ id: 'counter', start: () => new Counter() }] })
    const counter = supervisor.ref('counter')
    await expect(counter.call('add')).rejects.toMatchObject({ code: 'actor-not-running' })
    await supervisor.start(services)
    expect(await counter.call('add')).toBe(1)
    expect(() => supervisor.ref<Counter>('countr')).toThrow(expect.objectContaining({ code: 'child-not-found' }))
    const added = await supervisor.startChild({ id: 'added', start: () => new Counter() })
    expectTypeOf(added).toEqualTypeOf<Counter | typeof IGNORE>()
    expect(await supervisor.ref<Counter>('added').call('add')).toBe(1)
    expect(await supervisor.child<Counter>('added')?.call('add')).toBe(2)
    await supervisor.stop()
  })

  test('monitors the present incarnation once, and none of those after it', async () => {
    const supervisor = await tree()
    const counter = supervisor.ref('counter')
    const notices: ExitNotice[] = []
    counter.monitor((notice) => notices.push(notice))
    for (let times = 0; times < 2; times++) {
      supervisor.child('counter')?.kill()
      await flushEventLoop()
    }
    expect(notices).toMatchObject([{ reason: { type: 'killed' } }])
    await supervisor.terminateChild('counter')
    counter.monitor((notice) => notices.push(notice))
    await flushEventLoop()
    expect(notices[1]).toMatchObject({ id: 'counter', reason: { type: 'noproc' } })
    expect(() => counter.monitor('no function' as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    await supervisor.stop()
  })

  test('works with specs of any kind: made elsewhere, mixed, and in a tree', async () => {
    const part = (id: string): ChildSpec<Counter> => ({ id, start: () => new Counter() })
    const outer = new Supervisor({
      children: [
        part('a'),
        { id: 'inner', start: () => new Supervisor({ children: [part('b'), { id: 'c', start: () => new Greeter() }] }) },
      ],
    })
    await outer.start(services)
    expect(await outer.ref('a').call('add')).toBe(1)
    const anySupervisor: Supervisor = outer
    expect(anySupervisor.child('inner')?.isAlive).toBe(true)
    const specs: readonly ChildSpec[] = [part('x')]
    const untyped = await new Supervisor({ children: specs }).start(services)
    expect(await untyped.ref<Counter>('x').call('add')).toBe(1)
    await untyped.stop()
    await outer.stop()
  })
})

describe('a call through a name', () => {
  type Order = 'self' | 'other'

  class Relay extends Actor<Order, unknown> {
    readonly #refs: Readonly<Record<Order, ActorRef<Order, unknown>>>

    constructor(refs: Readonly<Record<Order, ActorRef<Order, unknown>>>) {
      super()
      this.#refs = refs
    }

    protected override handle(order: Order, context: ActorContext<Order>): Promise<unknown> {
      return context.call(this.#refs[order], order, { timeoutMs: Number.POSITIVE_INFINITY })
    }
  }

  test('that would wait for itself is found, directly and by way of another', async () => {
    const names = new Registry<string, undefined, Relay>()
    const start = async (own: string, other: string): Promise<Relay> => {
      const relay = await new Relay({ self: names.ref(own), other: names.ref(other) }).start(services)
      names.register(own, relay)
      return relay
    }
    const [a, b] = [await start('a', 'b'), await start('b', 'a')]
    await expect(a.call('self')).rejects.toMatchObject({ code: 'actor-crashed', cause: { code: 'call-cycle' } })
    const again = await start('a', 'b')
    await expect(again.call('other')).rejects.toMatchObject({ code: 'actor-crashed' })
    await flushEventLoop()
    expect(b.exitReason).toMatchObject({ type: 'crashed', cause: { code: 'call-cycle' } })
  })
})
