/** Actors, supervisors and registry against Elixir's GenServer, DynamicSupervisor and Registry on the same machine. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Actor, type ActorContext, DynamicSupervisor, Registry, Supervisor, silentLogger } from '@beamclaw/core'
import type { Bench, Result } from './lib/result.ts'

const children = 100_000
const crashes = 10_000
const calls = 1_000_000
const rounds = 5
const staticRounds = 9

type Message = 'ping' | 'ack' | 'crash'

/** Counts what arrives, as the driver process does on the other side. */
class Driver {
  #expected = 0
  #seen = 0
  #done: () => void = () => {}

  expect(count: number): Promise<void> {
    this.#expected = count
    this.#seen = 0
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }

  ack(): void {
    if (++this.#seen === this.#expected) this.#done()
  }
}

class Worker extends Actor<Message, number> {
  readonly #registry: Registry<number>
  readonly #key: number
  readonly #driver: Driver
  #count = 0

  constructor(registry: Registry<number>, key: number, driver: Driver) {
    super()
    this.#registry = registry
    this.#key = key
    this.#driver = driver
  }

  protected override init(context: ActorContext<Message>): void {
    this.#registry.register(this.#key, this)
    if (context.generation > 1) this.#driver.ack()
  }

  protected override handle(message: Message): number {
    if (message === 'ack') this.#driver.ack()
    if (message === 'crash') throw new Error('crash')
    return ++this.#count
  }
}

/** Nanoseconds for each of `count` operations. */
async function perOperation(count: number, work: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / count
}

function heapUsed(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** Every figure once, on children of its own. */
async function measure(size: number): Promise<Record<string, number>> {
  const driver = new Driver()
  const registry = new Registry<number>()
  const supervisor = new DynamicSupervisor({ maxRestarts: 1_000_000_000 })
  await supervisor.start({ logger: silentLogger })
  const before = heapUsed()
  const startNs = await perOperation(size, async () => {
    for (let key = 0; key < size; key++) await supervisor.startChild({ start: () => new Worker(registry, key, driver) })
  })
  const bytesPerActor = (heapUsed() - before) / size
  const at = (key: number): Worker => {
    const entry = registry.lookup(key)
    if (entry === undefined) throw new Error(`no actor is registered as ${key}`)
    return entry.actor as Worker
  }
  const one = at(0)
  const everyone = registry.select().map((entry) => entry.actor as Worker)
  const callNs = await perOperation(calls, async () => {
    for (let index = 0; index < calls; index++) await one.call('ping')
  })
  const callSpreadNs = await perOperation(size, async () => {
    for (const worker of everyone) await worker.call('ping')
  })
  const castAckNs = await perOperation(size, async () => {
    const done = driver.expect(size)
    for (const worker of everyone) worker.cast('ack')
    await done
  })
  const lookupCastAckNs = await perOperation(size, async () => {
    const done = driver.expect(size)
    for (let key = 0; key < size; key++) at(key).cast('ack')
    await done
  })
  // A crashed actor must be collectable as garbage.
  everyone.length = 0
  const crash = (count: number): Promise<number> =>
    perOperation(count, async () => {
      const done = driver.expect(count)
      for (let key = 0; key < count; key++) at(key).cast('crash')
      await done
    })
  const crashRestartNs = await crash(Math.min(crashes, size))
  const crashRestart100Ns = await crash(100)
  await supervisor.stop()
  return { startNs, bytesPerActor, callNs, callSpreadNs, castAckNs, lookupCastAckNs, crashRestartNs, crashRestart100Ns }
}

/** The best of each figure over several rounds, as on the other side: what disturbs a round only ever makes it slower. */
async function measureRounds(size: number): Promise<Record<string, number>> {
  const all: Record<string, number>[] = []
  for (let round = 0; round < rounds; round++) all.push(await measure(size))
  return Object.fromEntries(Object.keys(all[0] ?? {}).map((name) => [name, Math.min(...all.map((figures) => figures[name] ?? Number.NaN))]))
}

class Idle extends Actor<never> {
  protected override handle(): void {}
}

interface StaticTimes {
  readonly startNs: number
  readonly stopNs: number
}

/**
 * Nanoseconds to make and start, and to stop, each of 100,000 static children, `size` of them under each supervisor. However they are spread, equally
 * many live at once and each has a spec of its own, so that what differs is the supervisor's work and neither the garbage collector's nor
 * that of reading specs that are not in the cache.
 */
async function staticChildren(size: number): Promise<StaticTimes> {
  const specs = Array.from({ length: children }, (_, index) => ({ id: `child-${index}`, start: () => new Idle() }))
  const supervisors: Supervisor[] = []
  globalThis.gc?.()
  const startNs = await perOperation(children, async () => {
    for (let first = 0; first < children; first += size) supervisors.push(new Supervisor({ children: specs.slice(first, first + size) }))
    for (const supervisor of supervisors) await supervisor.start({ logger: silentLogger })
  })
  const stopNs = await perOperation(children, async () => {
    for (const supervisor of supervisors) await supervisor.stop()
  })
  return { startNs, stopNs }
}

/** The best figures of both of Elixir's sensible set-ups; undefined, said loudly, where Elixir is missing. */
function elixir(): Record<string, number> | undefined {
  const script = fileURLToPath(new URL('./otp/reference.exs', import.meta.url))
  const runs = [[], ['--erl', '+S 1']].map((flags) =>
    spawnSync('elixir', [...flags, script, String(children)], { encoding: 'utf8', timeout: 300_000 }),
  )
  const figures: Record<string, number> = {}
  for (const run of runs) {
    if (run.status !== 0) continue
    const parsed = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>
    for (const [name, value] of Object.entries(parsed))
      if (typeof value === 'number') figures[name] = Math.min(figures[name] ?? value, value)
  }
  if (Object.keys(figures).length > 0) return figures
  console.error('\n*** elixir is missing or failed: no comparison with OTP. Install it with: apt-get install elixir erlang ***\n')
  return undefined
}

const figures: readonly (readonly [name: string, metric: string, unit: string, target?: number])[] = [
  ['startNs', `start ${children.toLocaleString('en-US')} registered children`, 'ns', 5],
  ['callNs', 'call, one actor', 'ns', 2],
  ['callSpreadNs', 'call, over all', 'ns', 2],
  ['castAckNs', 'cast + ack over all', 'ns', 1.5],
  ['lookupCastAckNs', 'lookup + cast + ack', 'ns', 1.5],
  ['crashRestartNs', `crash + restart of ${crashes.toLocaleString('en-US')} at once`, 'ns', 20],
  ['crashRestart100Ns', 'crash + restart of 100 at once', 'ns'],
  ['bytesPerActor', 'idle actor, registered and supervised', 'bytes', 3],
]

export const actors: Bench = {
  name: 'actors',
  async run() {
    await measure(5_000)
    const ours = await measureRounds(children)
    const theirs = elixir()
    const results: Result[] = figures.map(([name, metric, unit, atLeast]) => {
      const value = ours[name] ?? Number.NaN
      const reference = theirs?.[name]
      if (reference === undefined) return { bench: 'actors', metric, value, unit }
      return {
        bench: 'actors',
        metric,
        value,
        unit,
        reference: { name: 'OTP', value: reference },
        score: reference / value,
        ...(atLeast === undefined ? {} : { target: { atLeast } }),
      }
    })
    await staticChildren(1_000)
    // In turns, so that a slow while of the machine meets both.
    const [small, large]: [StaticTimes[], StaticTimes[]] = [[], []]
    for (let round = 0; round < staticRounds; round++) {
      small.push(await staticChildren(1_000))
      large.push(await staticChildren(children))
    }
    for (const what of ['startNs', 'stopNs'] as const) {
      const [few, many] = [small, large].map((times) => Math.min(...times.map((time) => time[what]))) as [number, number]
      results.push({
        bench: 'actors',
        metric: `static children, ${what === 'startNs' ? 'start' : 'stop'}: each of 100,000 against each of 1,000`,
        value: many,
        unit: 'ns',
        reference: { name: '1,000 children', value: few },
        score: many / few,
        target: { atMost: 1.2 },
      })
    }
    return results
  },
}
