/**
 * Gives sessions without work from a node that has much more to do than the others to the one that has the least, a few each minute.
 *
 * Phases: `new → waiting ⇄ giving → ended`. Owns one timer while `waiting`.
 * I1: A minute passes between the end of a round and the next one, and a round gives one of 50 sessions at rest, or one. A round that cannot be sure of the
 * nodes is left out: the first of each life of this node, the next one after a node has left, and each while a node drains.
 * I2: A session is given to a node that has just said that it takes it. Which sessions have work is the session's own to say, in the turn in which it leaves.
 */
import type { SystemServices, TimerHandle } from '@beamclaw/actor'
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, Member, NodeRef } from '../ports/cluster.ts'
import type { NodePhase } from '../session/node-phase.ts'
import { rebalancePlan, roomFor } from './rebalance-plan.ts'
import { offerOf, readOffer, readTaken } from './session-offer.ts'

/** Milliseconds between two rounds. */
const everyMs = 60_000

/** Milliseconds that the other node has to say what it takes. */
const answerWithinMs = 2_000

/** A session that is in memory and has no work. */
export interface RestingSession {
  readonly key: SessionKey
  /** When it last worked, in milliseconds since 1970; 0 when that is not known. */
  readonly usedAt: number
}

/** What is needed of a tenant. */
export interface BalancedTenant {
  readonly id: TenantId
  readonly resting: readonly RestingSession[]
  /** True for a session that this node can start. */
  canTake(key: SessionKey): boolean
  /** Resolves with whether the session has left. Never rejects. */
  giveTo(key: SessionKey, node: NodeRef): Promise<boolean>
}

export interface RebalancerOptions {
  readonly cluster: Cluster
  readonly services: Pick<SystemServices, 'clock' | 'logger'>
  readonly phase: { readonly value: NodePhase }
  readonly tenants: readonly BalancedTenant[]
}

/** A session to be given away. */
interface Given {
  readonly tenant: BalancedTenant
  readonly key: SessionKey
}

export class Rebalancer {
  readonly #options: RebalancerOptions
  #phase: 'new' | 'waiting' | 'giving' | 'ended' = 'new'
  #timer: TimerHandle | undefined
  /** The life of this node in the last round. */
  #life: string | undefined
  #hasLost = false

  constructor(options: RebalancerOptions) {
    this.#options = options
  }

  begin(): void {
    this.#life = this.#options.cluster.self.incarnation
    this.#wait()
  }

  end(): void {
    this.#phase = 'ended'
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Takes that nodes have left: what they had comes to the others now. */
  membersLeft(): void {
    this.#hasLost = true
  }

  /** Resolves with the reply to a node that offers sessions: the numbers of those that this one takes. */
  async onOffer(body: JsonValue): Promise<JsonValue> {
    const { cluster, phase, tenants } = this.#options
    const offer = readOffer(body)
    const own = this.#own
    if (phase.value !== 'running' || own?.state !== 'up' || this.#phase === 'ended') return { taken: [] }
    const known = offer.sessions.flatMap(([id, key], index) => {
      const tenant = tenants.find((one) => one.id === id)
      return tenant?.canTake(key) === true ? [index] : []
    })
    const isQuiet = cluster.members.every(({ state }) => state === 'up')
    return { taken: isQuiet ? known.slice(0, roomFor(own.load, offer.load)) : [] }
  }

  get #own(): Member | undefined {
    const { self, members } = this.#options.cluster
    return members.find(({ incarnation }) => incarnation === self.incarnation)
  }

  #wait(): void {
    if (this.#phase === 'ended') return
    this.#phase = 'waiting'
    this.#timer = this.#options.services.clock.setTimer(() => void this.#round().then(() => this.#wait()), everyMs, true)
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    this.#phase = 'giving'
    const { cluster, phase, tenants } = this.#options
    const { self, members } = cluster
    const isNew = this.#life !== self.incarnation || this.#hasLost
    this.#life = self.incarnation
    this.#hasLost = false
    if (isNew || phase.value !== 'running' || members.length < 2) return
    const resting = tenants.flatMap((tenant) => tenant.resting.map((session) => ({ ...session, tenant })))
    const plan = rebalancePlan({ self, members, resting: resting.length })
    if (plan === undefined) return
    // Those that were used last are likely to be used again, and to keep that load where they are then.
    const chosen = resting.sort((a, b) => b.usedAt - a.usedAt).slice(0, plan.count)
    await this.#give(chosen, plan.to)
  }

  async #give(sessions: readonly Given[], to: Member): Promise<void> {
    const { logger } = this.#options.services
    const taken = await this.#offer(sessions, to)
    let given = 0
    // One after the other: each is read from its journal there.
    for (const { tenant, key } of taken) if (this.#isOpen(to) && (await tenant.giveTo(key, to))) given++
    if (taken.length > 0) logger.log('info', 'cluster.rebalanced', { to: to.id, sessions: given, offered: sessions.length })
  }

  /** Resolves with the sessions that the node takes; with none when it does not answer, or is of a version that takes none. */
  async #offer(sessions: readonly Given[], to: Member): Promise<readonly Given[]> {
    const { cluster } = this.#options
    const offer = offerOf(
      this.#own?.load ?? 0,
      sessions.map(({ tenant, key }) => [tenant.id, key]),
    )
    try {
      const taken = readTaken(await cluster.request(to, offer, { timeoutMs: answerWithinMs }))
      return sessions.filter((_, index) => taken.has(index))
    } catch {
      return []
    }
  }

  #isOpen(to: NodeRef): boolean {
    const { cluster, phase } = this.#options
    const isThere = cluster.members.some(({ incarnation }) => incarnation === to.incarnation)
    return (
      isThere &&
      !this.#hasLost &&
      this.#phase === 'giving' &&
      phase.value === 'running' &&
      cluster.members.every(({ state }) => state === 'up')
    )
  }
}
