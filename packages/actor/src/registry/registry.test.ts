import { describe, expect, expectTypeOf, test } from 'vitest'
import { Actor } from '../actor/actor.ts'
import type { ActorContext, ActorRef } from '../actor/actor-ref.ts'
import { IGNORE } from '../actor/internals.ts'
import { silentLogger } from '../defaults/console-logger.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import { Telemetry } from '../telemetry/telemetry.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { Registry } from './registry.ts'

class Worker extends Actor<string> {
  readonly #whenUp: (self: Worker, context: ActorContext<string>) => void | typeof IGNORE

  constructor(whenUp: (self: Worker, context: ActorContext<string>) => void | typeof IGNORE = () => {}) {
    super()
    this.#whenUp = whenUp
  }

  protected override init(context: ActorContext<string>): void | typeof IGNORE {
    return this.#whenUp(this, context)
  }

  protected override handle(message: string, context: ActorContext<string>): void {
    if (message === 'crash') throw new Error('crashed as told')
    if (message === 'end') context.stop()
  }
}

const quiet = { logger: silentLogger }
const started = (): Promise<Worker> => new Worker().start(quiet)

describe('a unique registry', () => {
  test('finds an actor and its value by key', async () => {
    const registry = new Registry<string, number>()
    const actor = await started()
    const entry = registry.register('db', actor, 7)
    expect(registry.lookup('db')).toBe(entry)
    expect(entry).toMatchObject({ key: 'db', actor, value: 7 })
    expect(registry.lookupAll('db')).toEqual([entry])
    expect(registry.size).toBe(1)
  })

  test('finds nothing where there is nothing', () => {
    const registry = new Registry()
    expect(registry.lookup('db')).toBeUndefined()
    expect(registry.lookupAll('db')).toEqual([])
    expect(registry.dispatch('db', () => expect.unreachable())).toBe(0)
  })

  test('refuses a second owner of a key, also the same one, and names who has it', async () => {
    const registry = new Registry()
    const owner = await started()
    const entry = registry.register('db', owner)
    const taken = expect.objectContaining({ code: 'already-registered', details: { owner: owner.id } })
    expect(() => registry.register('db', owner)).toThrow(taken)
    await expect(started().then((other) => registry.register('db', other))).rejects.toEqual(taken)
    expect(registry.lookup('db')).toBe(entry)
    expect(registry.size).toBe(1)
  })

  test('lets one actor have many keys', async () => {
    const registry = new Registry()
    const actor = await started()
    for (const key of ['a', 'b', 'c']) registry.register(key, actor)
    expect(registry.keysOf(actor)).toEqual(['a', 'b', 'c'])
  })

  test('tells keys apart as a Map does', async () => {
    const registry = new Registry<unknown>()
    const actor = await started()
    const keys = [1, '1', Number.NaN, { id: 1 }, { id: 1 }]
    for (const key of keys) registry.register(key, actor)
    expect(() => registry.register(Number.NaN, actor)).toThrow(expect.objectContaining({ code: 'already-registered' }))
    expect(registry.size).toBe(keys.length)
  })
})

describe('a duplicate registry', () => {
  test('keeps all entries of a key, oldest first', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    const [a, b] = [await started(), await started()]
    const entries = [registry.register('topic', a, 1), registry.register('topic', b, 2), registry.register('topic', a, 3)]
    expect(registry.lookupAll('topic')).toEqual(entries)
    expect(registry.lookup('topic')).toBe(entries[0])
    expect(registry.keysOf(a)).toEqual(['topic'])
  })

  test('unregisters all that an actor has under a key, and nothing else', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    const [a, b] = [await started(), await started()]
    registry.register('topic', a, 1)
    registry.register('topic', a, 2)
    registry.register('other', a, 3)
    registry.register('topic', b, 4)
    expect(registry.unregister('topic', a)).toBe(2)
    expect(registry.unregister('topic', a)).toBe(0)
    expect(registry.lookupAll('topic').map(({ value }) => value)).toEqual([4])
    expect(registry.keysOf(a)).toEqual(['other'])
    expect(registry.size).toBe(2)
  })
})

describe('unregistering', () => {
  test('frees a unique key for somebody else', async () => {
    const registry = new Registry()
    const [a, b] = [await started(), await started()]
    registry.register('db', a)
    expect(registry.unregister('db', b)).toBe(0)
    expect(registry.unregister('db', a)).toBe(1)
    registry.register('db', b)
    a.kill()
    expect(registry.lookup('db')?.actor).toBe(b)
  })
})

describe('dispatch', () => {
  test('reaches every entry, oldest first, and counts them', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    for (const value of [1, 2, 3]) registry.register('topic', await started(), value)
    const seen: number[] = []
    expect(registry.dispatch('topic', ({ value }) => seen.push(value))).toBe(3)
    expect(seen).toEqual([1, 2, 3])
  })

  test('reaches the others too when one throws, and throws the first error at the end', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    for (const value of [1, 2, 3]) registry.register('topic', await started(), value)
    const seen: number[] = []
    const deliver = ({ value }: { value: number }): void => {
      seen.push(value)
      if (value < 3) throw new Error(`no room for ${value}`)
    }
    expect(() => registry.dispatch('topic', deliver)).toThrow('no room for 1')
    expect(seen).toEqual([1, 2, 3])
  })

  test('reaches those who were there when it began, whatever they register', async () => {
    const registry = new Registry({ keys: 'duplicate' })
    const actor = await started()
    registry.register('topic', actor)
    expect(registry.dispatch('topic', () => registry.register('topic', actor))).toBe(1)
    expect(registry.size).toBe(2)
  })
})

describe('select', () => {
  test('finds every entry that matches, in the order of their keys', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    const actor = await started()
    for (const [index, key] of ['a', 'b', 'a', 'c'].entries()) registry.register(key, actor, index)
    expect(registry.select().map(({ value }) => value)).toEqual([0, 2, 1, 3])
    expect(registry.select(({ value }) => value > 1).map(({ key }) => key)).toEqual(['a', 'c'])
  })

  // The entries of one key are spread into the arguments of `push`: 200,000 of them are too many for the stack.
  test('finds 200,000 entries under one key', async () => {
    const registry = new Registry({ keys: 'duplicate' })
    const actor = await started()
    for (let count = 0; count < 200_000; count++) registry.register('topic', actor)
    expect(registry.select()).toHaveLength(200_000)
  })
})

describe('an entry is gone', () => {
  const ends = {
    killed: (worker: Worker) => worker.kill(),
    crashed: (worker: Worker) => worker.cast('crash'),
    normal: (worker: Worker) => worker.cast('end'),
    shutdown: (worker: Worker) => void worker.stop(),
  }

  test.each(Object.entries(ends))('before anybody hears that its owner was or is %s', async (type, end) => {
    const registry = new Registry()
    const telemetry = new Telemetry(silentLogger)
    const worker = await new Worker().start({ ...quiet, telemetry })
    registry.register('db', worker)
    const heard: string[] = []
    const note = (who: string): unknown => heard.push(`${who} ${registry.lookup('db') === undefined ? 'gone' : 'there'}`)
    worker.monitor(({ reason }) => note(`monitor ${reason.type}`))
    telemetry.on('actor-exit', ({ reason }) => note(`telemetry ${reason.type}`))
    end(worker)
    await flushEventLoop()
    expect(heard).toEqual([`monitor ${type} gone`, `telemetry ${type} gone`])
    expect(registry.size).toBe(0)
    expect(registry.keysOf(worker)).toEqual([])
  })

  test('before its supervisor makes the next incarnation, which takes the same key', async () => {
    const registry = new Registry<string, number>()
    const found: (number | undefined)[] = []
    const start = (): Worker => {
      found.push(registry.lookup('db')?.value)
      return new Worker((self, { generation }) => void registry.register('db', self, generation))
    }
    const supervisor = await new Supervisor({ children: [{ id: 'db', start }] }).start(quiet)
    const first = registry.lookup('db')?.actor
    supervisor.child('db')?.kill()
    await flushEventLoop()
    expect(found).toEqual([undefined, undefined])
    expect(registry.lookup('db')).toMatchObject({ value: 2, actor: supervisor.child('db') })
    expect(registry.lookup('db')?.actor).not.toBe(first)
    await supervisor.stop()
    expect(registry.size).toBe(0)
  })

  test('when the init that made it fails or has nothing to run', async () => {
    const registry = new Registry()
    const failing = new Worker((self) => {
      registry.register('a', self)
      throw new Error('no database')
    })
    await expect(failing.start(quiet)).rejects.toThrow('no database')
    const ignored = new Worker((self) => {
      registry.register('b', self)
      return IGNORE
    })
    await expect(ignored.start(quiet)).rejects.toMatchObject({ code: 'actor-not-running' })
    expect(registry.size).toBe(0)
  })

  test('in every registry that its owner is in', async () => {
    const registries = [new Registry(), new Registry({ keys: 'duplicate' }), new Registry()]
    const worker = await started()
    for (const registry of registries) registry.register('db', worker)
    expect(registries.map((registry) => registry.keysOf(worker))).toEqual([['db'], ['db'], ['db']])
    worker.kill()
    expect(registries.map(({ size }) => size)).toEqual([0, 0, 0])
  })
})

describe('an owner', () => {
  test('that is gone, or was never started, is refused', async () => {
    const registry = new Registry()
    const gone = await started()
    gone.kill()
    const refused = expect.objectContaining({ code: 'actor-not-running' })
    expect(() => registry.register('db', gone)).toThrow(refused)
    expect(() => registry.register('db', new Worker())).toThrow(refused)
    expect(registry.size).toBe(0)
  })

  test('that is not an actor is refused before anything changes', () => {
    const registry = new Registry()
    expect(() => registry.register('db', {} as Worker)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(registry.size).toBe(0)
  })
})

describe('a hundred thousand entries under one key', () => {
  const count = 100_000

  test('go with the one owner they have', async () => {
    const registry = new Registry<string, number>({ keys: 'duplicate' })
    const actor = await started()
    for (let index = 0; index < count; index++) registry.register('topic', actor, index)
    expect(registry.size).toBe(count)
    actor.kill()
    expect(registry.size).toBe(0)
    expect(registry.lookup('topic')).toBeUndefined()
  })

  test('go with a thousand owners that end one after the other', async () => {
    const registry = new Registry({ keys: 'duplicate' })
    const actors = await Promise.all(Array.from({ length: 1_000 }, () => started()))
    for (let index = 0; index < count; index++) registry.register('topic', actors[index % 1_000] ?? expect.unreachable())
    for (const [index, actor] of actors.entries()) {
      actor.kill()
      expect(registry.lookup('topic')?.actor).toBe(actors[index + 1])
      expect(registry.size).toBe(count - (index + 1) * 100)
    }
  })
})

describe('unregistering each of many owners of one key', () => {
  // It copies and filters every entry of the key each time: 300 owners cost 45,150 looks, 100,000 would cost 5,000,050,000.
  test('looks at the entries of that owner only', async () => {
    const registry = new Registry({ keys: 'duplicate' })
    const actors = await Promise.all(Array.from({ length: 300 }, () => started()))
    let looks = 0
    for (const actor of actors) {
      const entry = registry.register('topic', actor)
      const get = (): Worker => {
        looks++
        return actor
      }
      Object.defineProperty(entry, 'actor', { get })
    }
    for (const actor of actors) registry.unregister('topic', actor)
    expect(registry.size).toBe(0)
    expect(looks).toBeLessThan(3 * actors.length)
  })
})

describe('options', () => {
  test.each([{ keys: 'both' }, { key: 'unique' }, null])('%o are refused', (options) => {
    expect(() => new Registry(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

test('a reference by key goes to the actor that is registered then, and carries its type', async () => {
  class Echo extends Actor<string, string> {
    readonly #name: string

    constructor(name: string) {
      super()
      this.#name = name
    }

    protected override handle(message: string): string {
      return `${this.#name} heard ${message}`
    }
  }
  const names = new Registry<string, undefined, Echo>()
  const ref = names.ref('echo')
  expectTypeOf(ref).toEqualTypeOf<ActorRef<string, string>>()
  expect(ref).toMatchObject({ id: 'echo', isAlive: false })
  await expect(ref.call('hi')).rejects.toMatchObject({ code: 'actor-not-running' })
  for (const name of ['first', 'second']) {
    const actor = await new Echo(name).start({ logger: silentLogger })
    names.register('echo', actor)
    expect(await ref.call('hi')).toBe(`${name} heard hi`)
    await actor.stop()
  }
  expect(() => ref.cast('hi')).toThrow(expect.objectContaining({ code: 'actor-not-running' }))
})
