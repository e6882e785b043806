/** Finds nodes that died long before their membership ends: no connection hears their channel any more, and they renew nothing. */
import type { ListedNode, MemberView } from './member-view.ts'

interface Sighting {
  readonly ends: string
  /** By the server's clock. */
  readonly at: number
}

/** A node that is dead unless it was renewed meanwhile. */
export interface Suspect {
  readonly incarnation: string
  readonly ends: string
}

/** Heartbeats without a renewal after which a node with a closed channel is dead; one renewal may be half a heartbeat late. */
const missedHeartbeats = 1.5

/**
 * Remembers in which nodes' channels no connection listened. A node is suspected when that is so in two lists in a row, a heartbeat apart, and it renewed nothing
 * between them: a subscription that is lost and comes back, or one that alone was lost, is no death.
 */
export class DeathWatch {
  readonly #heartbeatMs: number
  #sightings = new Map<string, Sighting>()
  #view: MemberView = { now: 0, nodes: [] }
  #viewedAt = 0
  #pausedUntil = 0

  /** @param heartbeatMs of the observer. */
  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs
  }

  /** @param self the incarnation of the observer. @param askedAt when the list was asked for, by the monotonic clock. */
  see(view: MemberView, self: string, askedAt: number): void {
    this.#view = view
    this.#viewedAt = askedAt
    const { now, nodes } = view
    const sightings = new Map<string, Sighting>()
    for (const { incarnation, ends, listeners } of nodes) {
      if (listeners > 0 || incarnation === self) continue
      const before = this.#sightings.get(incarnation)
      sightings.set(incarnation, before?.ends === ends ? before : { ends, at: now })
    }
    this.#sightings = sightings
  }

  /** Forgets everything, and suspects no node for a time: after the observer itself was away, the others may only be slower to come back. */
  pauseUntil(monotonic: number): void {
    this.#sightings.clear()
    this.#pausedUntil = monotonic
  }

  /** Returns the nodes that were dead twice. */
  suspects(monotonic: number): readonly Suspect[] {
    const suspects: Suspect[] = []
    if (monotonic < this.#pausedUntil) return suspects
    // The server's clock, as well as the observer knows it.
    const now = this.#view.now + (monotonic - this.#viewedAt)
    for (const node of this.#view.nodes) {
      const sighting = this.#sightings.get(node.incarnation)
      if (sighting === undefined || now - sighting.at < 0.9 * this.#heartbeatMs || !this.#isLate(node, now)) continue
      suspects.push({ incarnation: node.incarnation, ends: sighting.ends })
    }
    return suspects
  }

  /** A node whose record cannot be read is left to the end of its membership. */
  #isLate({ ends, record }: ListedNode, now: number): boolean {
    if (record === undefined) return false
    const renewedAt = Number(ends) - record.ttlMs
    return now - renewedAt >= missedHeartbeats * Math.max(record.heartbeatMs, this.#heartbeatMs)
  }
}
