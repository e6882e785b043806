/**
 * One case for the recorder of OTP's supervisors, made by chance: a tree, and a script of things that happen to it. Every script is one
 * whose outcome OTP alone decides: between two steps the tree is at rest, or one child holds its supervisor and only this supervisor
 * and its other children are touched.
 */
import type { Random } from '../../packages/core/src/index.ts'
import { integerBetween, pickOne, seededRandom } from '../../packages/testkit/src/seeded-random.ts'
import type { Term, TermMap } from './erlang-terms.ts'

/** Returns the case of this seed; the same seed gives the same case. */
export function randomCase(seed: number): Term {
  const maker = new CaseMaker(seededRandom(seed))
  const children = maker.children('root', 0)
  const supervisor = maker.supervisorOptions('root')
  return { name: { text: `random/${seed}` }, supervisor, children, steps: maker.steps() }
}

const strategies = ['oneForOne', 'restForOne', 'oneForAll']
const reasons = ['crashed', 'crashed', 'crashed', 'normal', 'shutdown', 'shutdown-detail', 'killed']
const queries = ['whichChildren', 'countChildren']

/** A supervisor of the random tree, with the ids of all workers it has had. */
interface Place {
  readonly id: string
  readonly workers: string[]
  readonly inner: string[]
  autoShutdown: string
}

class CaseMaker {
  readonly #random: Random
  readonly #places = new Map<string, Place>()
  #names = 0

  constructor(random: Random) {
    this.#random = random
  }

  children(place: string, depth: number): Term[] {
    const autoShutdown = this.#chance(0.2) ? this.#pick(['anySignificant', 'allSignificant']) : 'never'
    this.#places.set(place, { id: place, workers: [], inner: [], autoShutdown })
    const count = this.#between(depth === 0 ? 2 : 1, depth === 0 ? 5 : 3)
    return Array.from({ length: count }, () => (depth < 2 && this.#chance(0.15) ? this.#inner(place, depth + 1) : this.#worker(place)))
  }

  supervisorOptions(place: string): TermMap {
    const autoShutdown = this.#place(place).autoShutdown
    return { strategy: this.#pick(strategies), maxRestarts: this.#between(0, 6), withinMs: 60_000, autoShutdown }
  }

  steps(): Term[] {
    const steps: Term[] = []
    const count = this.#between(3, 10)
    while (steps.length < count) steps.push(...(this.#chance(0.4) ? this.#window() : [this.#step()]))
    return steps
  }

  #inner(parent: string, depth: number): Term {
    const id = `s${++this.#names}`
    this.#place(parent).inner.push(id)
    const children = this.children(id, depth)
    const supervisor = this.supervisorOptions(id)
    return { id, restart: this.#pick(['permanent', 'permanent', 'transient', 'temporary']), type: 'supervisor', supervisor, children }
  }

  #worker(place: string): TermMap {
    const id = `w${++this.#names}`
    const { workers, autoShutdown } = this.#place(place)
    workers.push(id)
    const restart = this.#pick(['permanent', 'permanent', 'permanent', 'transient', 'temporary'])
    const significant = autoShutdown !== 'never' && restart !== 'permanent' && this.#chance(0.6)
    return {
      id,
      restart,
      ...(significant ? { significant } : {}),
      ...(this.#chance(0.25) ? { init: this.#inits() } : {}),
      ...this.#ending(),
    }
  }

  #inits(): Term[] {
    const later = Array.from({ length: this.#between(1, 3) }, () => this.#pick(['ok', 'error', 'throw', 'ignore']))
    return [this.#chance(0.1) ? this.#pick(['ignore', 'error']) : 'ok', ...later, ...(this.#chance(0.7) ? ['ok'] : [])]
  }

  #ending(): TermMap {
    const kind = this.#random.next()
    if (kind < 0.06) return { shutdownMs: 'brutalKill' }
    // The recorder really waits for it.
    if (kind < 0.1) return { shutdownMs: 60, onStop: 'hang' }
    if (kind < 0.16) return { onStop: 'throw' }
    if (kind < 0.2) return { shutdownMs: 'infinity' }
    return {}
  }

  /** Something after which the tree comes to rest. */
  #step(): Term {
    const place = this.#anyPlace()
    const kind = this.#random.next()
    if (kind < 0.45) return { tuple: ['exit', this.#anyWorker(place), this.#pick(reasons)] }
    if (kind < 0.48) return place.id === 'root' ? 'stop' : this.#in(place, this.#call(place))
    return this.#in(place, this.#call(place))
  }

  /** One child is held; others of its supervisor end, and calls arrive, before it may go on. */
  #window(): Term[] {
    const place = this.#anyPlace()
    const held = this.#anyWorker(place)
    const at = this.#pick(['init', 'terminate'])
    const before: Term[] = []
    let trigger: Term = { tuple: ['exitUnsettled', at === 'init' ? held : this.#anyWorker(place), 'crashed'] }
    const kind = this.#random.next()
    if (kind < 0.3) {
      before.push(this.#in(place, { tuple: ['terminateChild', held] }))
      trigger = this.#in(place, { tuple: ['send', { tuple: ['restartChild', held] }] })
    } else if (kind < 0.4 && at === 'terminate') {
      trigger = this.#in(place, { tuple: ['send', { tuple: ['terminateChild', held] }] })
    } else if (kind < 0.5 && at === 'terminate' && place.id === 'root') {
      trigger = { tuple: ['send', 'stop'] }
    } else if (kind < 0.6) {
      trigger = { tuple: ['exitUnsettled', this.#anyWorker(place), 'crashed'] }
    }
    const during = Array.from({ length: this.#between(0, 3) }, () => this.#duringHold(place, held))
    return [
      ...before,
      { tuple: ['hold', held, at] },
      trigger,
      { tuple: ['awaitHeld', held, at] },
      ...during,
      { tuple: ['release', held, at] },
      'settle',
    ]
  }

  #duringHold(place: Place, held: string): Term {
    const kind = this.#random.next()
    // A child that is held can be killed, and nothing else.
    if (kind < 0.15) return { tuple: ['exitUnsettled', held, 'killed'] }
    const others = place.workers.filter((id) => id !== held)
    if (kind < 0.55 && others.length > 0) return { tuple: ['exitUnsettled', this.#pick(others), this.#pick(reasons)] }
    return this.#in(place, { tuple: ['send', this.#call(place)] })
  }

  #call(place: Place): Term {
    const kind = this.#random.next()
    if (kind < 0.2) return { tuple: ['startChild', this.#specToStart(place)] }
    if (kind < 0.45) return { tuple: ['terminateChild', this.#anyId(place)] }
    if (kind < 0.6) return { tuple: ['restartChild', this.#anyId(place)] }
    if (kind < 0.7) return { tuple: ['deleteChild', this.#anyId(place)] }
    return this.#pick(queries)
  }

  #specToStart(place: Place): Term {
    const fresh = this.#worker(place.id)
    if (!this.#chance(0.2) || place.workers.length < 2) return fresh
    place.workers.pop()
    // An id that is taken, unless its child was deleted.
    return { ...fresh, id: this.#pick(place.workers) }
  }

  #in(place: Place, step: Term): Term {
    return place.id === 'root' ? step : { tuple: ['in', place.id, step] }
  }

  #anyId(place: Place): string {
    return this.#chance(0.05) ? 'nobody' : this.#pick([...place.workers, ...place.inner])
  }

  #anyWorker(place: Place): string {
    return this.#pick(place.workers)
  }

  #anyPlace(): Place {
    return this.#pick([...this.#places.values()].filter(({ workers }) => workers.length > 0))
  }

  #place(id: string): Place {
    const place = this.#places.get(id)
    if (place === undefined) throw new Error(`no supervisor "${id}"`)
    return place
  }

  #pick<T>(items: readonly T[]): T {
    return pickOne(this.#random, items)
  }

  #between(from: number, to: number): number {
    return integerBetween(this.#random, from, to)
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability
  }
}
