/** Parts of a host that crash when they are told to, and at times again while they are restarted; what lies above them stays as it is. */
import { Actor, type Part, type Random, type RunningBeamClaw, type TreeNode } from '../../../packages/core/src/index.ts'
import { pickOne } from '../../../packages/testkit/src/seeded-random.ts'

class Crasher extends Actor<'crash'> {
  readonly #failsToStart: boolean

  constructor(failsToStart: boolean) {
    super()
    this.#failsToStart = failsToStart
  }

  protected override async init(): Promise<void> {
    if (this.#failsToStart) throw new Error('a mistake of the host, at the start of its part')
  }

  protected override handle(): never {
    throw new Error('a mistake of the host, in its part')
  }
}

/** The parts of one life. */
export class CrashingParts {
  readonly #random: Random
  readonly parts: readonly Part<Crasher>[]
  #crashes = 0

  constructor(random: Random) {
    this.#random = random
    this.parts = [this.#part('node-part', 'node'), this.#part('one', 'tenant'), this.#part('two', 'tenant')]
  }

  /** Crashes told so far. */
  get crashes(): number {
    return this.#crashes
  }

  crash(running: RunningBeamClaw): void {
    const actor = running.part(pickOne(this.#random, this.parts))
    if (actor === undefined) return
    this.#crashes++
    actor.cast('crash')
  }

  #part(id: string, level: 'node' | 'tenant'): Part<Crasher> {
    let starts = 0
    // The first start is that of BeamClaw itself, which a failure of would rightly end.
    return { id, level, start: () => ({ start: () => new Crasher(starts++ > 0 && this.#random.next() < 0.5) }) }
  }
}

/** Returns what was restarted though it lies above or beside the parts of the host. */
export function restartedBesideParts(node: TreeNode): readonly string[] {
  if (node.id === 'parts') return []
  const below = node.children?.flatMap(restartedBesideParts) ?? []
  return node.restarts > 0 ? [node.id, ...below] : below
}
