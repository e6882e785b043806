/** A soak: many sessions under load, with lives that end in every way, then a long one whose heap and descriptors must stay flat. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '@beamclaw/core'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { integerBetween, pickOne, seededRandom } from '@beamclaw/testkit/simulator'
import type { AgentSetup, AgentVitals } from '../lab/agent.ts'
import { faultRecordTypes } from '../lab/fault-point.ts'
import { effectsIn } from '../lab/journals.ts'
import { SoakLedger } from './soak-ledger.ts'
import { SoakLoad } from './soak-load.ts'
import { SoakProcess } from './soak-process.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly sessions: number
  readonly seed: number
  /** Hears a line now and then. */
  readonly report: (line: string) => void
}

const samples = 6
const sleepAfterMs = 1_000
const reportEveryMs = 10_000
/** Allowed growth of heap and descriptors between the second sample and the last. */
const tolerance = { heapMegabytes: 4, heapFactor: 1.15, descriptors: 10 }

const endings = ['kill', 'kill', 'kill', 'from-within', 'from-within', 'freeze', 'stop'] as const

/** Resolves with what went wrong, a line each. */
export async function soak({ minutes, sessions, seed, report }: SoakOptions): Promise<readonly string[]> {
  const random = seededRandom(seed)
  const load = new SoakLoad(random, sessions)
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-soak-'))
  const model = await startModelServer({
    answers: (request) => {
      model.requests.length = 0
      return load.answer(request)
    },
  })
  const setup: AgentSetup = {
    modelUrl: model.baseUrl,
    data: join(folder, 'data'),
    effects: join(folder, 'effects'),
    provider: { idleTimeoutMs: 500 },
    sessions: { passivateAfterMs: sleepAfterMs },
  }
  const run = new SoakRun(setup, load, random, minutes * 60_000, report)
  try {
    await run.storm()
    await run.calm(sessions)
    run.ledger.checkAll(effectsIn(setup.effects))
    return [...new Set([...run.ledger.problems, ...load.problems])]
  } finally {
    run.end()
    await model.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

class SoakRun {
  readonly ledger: SoakLedger
  readonly #setup: AgentSetup
  readonly #load: SoakLoad
  readonly #random: Random
  readonly #totalMs: number
  readonly #startedAt = performance.now()
  readonly #report: (line: string) => void
  readonly #timer: NodeJS.Timeout
  #agent: SoakProcess | undefined
  #lives = 0
  #phase = 'storm'

  constructor(setup: AgentSetup, load: SoakLoad, random: Random, totalMs: number, report: (line: string) => void) {
    this.ledger = new SoakLedger(setup.data)
    this.#setup = setup
    this.#load = load
    this.#random = random
    this.#totalMs = totalMs
    this.#report = report
    this.#timer = setInterval(() => this.#tell(), reportEveryMs)
  }

  /** Lives of a few seconds that end in every way, for two thirds of the time. */
  async storm(): Promise<void> {
    while (this.#elapsed < (this.#totalMs * 2) / 3) {
      const ending = pickOne(this.#random, endings)
      const fault = `${pickOne(this.#random, ['before', 'after'])}:${pickOne(this.#random, faultRecordTypes)}:${integerBetween(this.#random, 1, 200)}`
      const agent = await this.#launch(ending === 'from-within' ? { BEAMCLAW_FAULT: fault } : {})
      const until = performance.now() + integerBetween(this.#random, 500, 10_000)
      const loading = this.#load.run(agent, () => performance.now() > until)
      await Promise.race([agent.ended, sleep(until - performance.now())])
      if (ending === 'freeze') {
        agent.signal('SIGSTOP')
        await sleep(1_000)
        agent.signal('SIGCONT')
      }
      if (ending === 'stop') void agent.ask('stop', { do: 'stop' })
      else await agent.kill()
      await agent.ended
      await loading
      this.ledger.harvest()
    }
  }

  /** One life to the end, looked at from time to time while it has nothing to do. */
  async calm(sessions: number): Promise<void> {
    this.#phase = 'calm'
    const agent = await this.#launch({})
    await agent.resumed
    await this.#load.sendAll(
      agent,
      Array.from({ length: sessions }, (_, index) => this.#load.greeting(index)),
    )
    const vitals: AgentVitals[] = []
    const from = this.#elapsed
    for (let sample = 1; sample <= samples; sample++) {
      const until = from + ((this.#totalMs - from) * sample) / samples
      await this.#load.run(agent, () => this.#elapsed > until)
      await sleep(2 * sleepAfterMs)
      const line = await agent.ask(`vitals-${sample}`, { do: 'vitals' })
      if (line?.vitals === undefined) {
        this.ledger.problems.push(`the process of the calm ended by itself: ${agent.errors}`)
        return
      }
      vitals.push(line.vitals)
      this.#report(`   ${JSON.stringify(line.vitals)}`)
      this.ledger.harvest()
    }
    const open = this.#load.asked.filter(({ session, key }) => !this.ledger.isDone(session, key))
    this.#report(`   ${open.length} messages are sent again, whose senders never heard of them or of their end`)
    await this.#load.sendAll(agent, open)
    await agent.kill()
    this.ledger.harvest()
    this.#checkFlat(vitals)
    this.#tell()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#agent?.signal('SIGKILL')
  }

  async #launch(environment: Readonly<Record<string, string>>): Promise<SoakProcess> {
    this.#lives++
    this.#agent = new SoakProcess(this.#setup, environment, (line) => this.ledger.hear(line))
    await this.#agent.ready
    return this.#agent
  }

  #checkFlat(vitals: readonly AgentVitals[]): void {
    const [, first] = vitals
    const last = vitals.at(-1)
    if (first === undefined || last === undefined) return
    const heapLimit = first.heapMegabytes * tolerance.heapFactor + tolerance.heapMegabytes
    if (last.heapMegabytes > heapLimit)
      this.ledger.problems.push(`I8: the heap grew from ${first.heapMegabytes} to ${last.heapMegabytes} MB`)
    if (last.descriptors > first.descriptors + tolerance.descriptors)
      this.ledger.problems.push(`I8: descriptors grew from ${first.descriptors} to ${last.descriptors}`)
  }

  get #elapsed(): number {
    return performance.now() - this.#startedAt
  }

  #tell(): void {
    const { asked, answers, problems } = this.#load
    const minutes = (this.#elapsed / 60_000).toFixed(1)
    const found = problems.length + this.ledger.problems.length
    this.#report(
      `${minutes} of ${this.#totalMs / 60_000} min, ${this.#phase}: ${this.#lives} lives, ${asked.length} messages, ${answers} answers, ${this.ledger.records} records, ${found} problems`,
    )
  }
}
