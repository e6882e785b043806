/**
 * Group commit: what is appended while a group is under way goes into the next one, for up to 256 logs in one step of the server. While many logs wait, the
 * server has a second group, so that it works while this node makes the next one.
 */
import { BeamClawError } from '@beamclaw/core'
import type { RedisReply } from './redis-client.ts'

/** An append that waits for its group. */
export interface WaitingAppend {
  readonly list: string
  readonly records: readonly string[]
  /** The length of the list afterwards. */
  readonly expectedLength: number
  /** In characters. */
  readonly size: number
  /** Why it must not be sent any more, if so. */
  refusal(): BeamClawError | undefined
  /** Called with the server's reply for the list, or with the failure of the whole group. */
  settle(outcome: { readonly reply: RedisReply } | { readonly error: unknown }): void
}

const mostLists = 256
/** Appends that wait when a second group is sent. Fewer wait for the group before: a group of few costs the server as much as one of many. */
const manyWaiting = mostLists / 2
const mostWriters = 2
const mostCharacters = 4 * 1024 * 1024
const mostWaiting = 64 * 1024 * 1024

/**
 * Phases: `idle ⇄ writing`, by the number of its writers: none, one, or two. Owns the appends that wait.
 *
 * - I1: no log is in two groups that are under way, so a handle is broken before anything that follows its failure is sent.
 * - I2: appends of one log keep their order, and those of one group are one write.
 * - I3: the last writer ends only when nothing waits.
 */
export class AppendGroups {
  readonly #send: (lists: readonly string[], args: readonly string[]) => Promise<RedisReply>
  readonly #underWay = new Set<string>()
  #waiting: WaitingAppend[] = []
  #characters = 0
  #writers = 0

  /** @param send runs the script of appends. */
  constructor(send: (lists: readonly string[], args: readonly string[]) => Promise<RedisReply>) {
    this.#send = send
  }

  /** Throws `overloaded` when too much waits. */
  checkRoom(size: number): void {
    if (this.#characters === 0 || this.#characters + size <= mostWaiting) return
    const problem = `${this.#characters} bytes wait to be written to Redis, at most ${mostWaiting} may. Try again later`
    throw new BeamClawError('overloaded', problem, { retryAfterMs: 200 })
  }

  push(append: WaitingAppend): void {
    this.#waiting.push(append)
    this.#characters += append.size
    if (this.#writers < mostWriters && this.#waiting.length >= this.#leastFor(this.#writers + 1)) void this.#write()
  }

  async #write(): Promise<void> {
    this.#writers += 1
    while (this.#waiting.length >= this.#leastFor(this.#writers)) {
      // Callers that the last group woke have called by then.
      await new Promise(setImmediate)
      const group = this.#take()
      // All of it is of logs that the other writer has under way.
      if (group.size === 0 && this.#writers > 1) break
      await this.#writeGroup(group)
    }
    this.#writers -= 1
  }

  #leastFor(writers: number): number {
    return writers > 1 ? manyWaiting : 1
  }

  async #writeGroup(group: ReadonlyMap<string, readonly WaitingAppend[]>): Promise<void> {
    if (group.size === 0) return
    const args: string[] = []
    for (const appends of group.values()) {
      const count = appends.reduce((sum, { records }) => sum + records.length, 0)
      args.push(String(count), String(appends.at(-1)?.expectedLength))
      for (const { records } of appends) for (const record of records) args.push(record)
    }
    const outcome = await this.#send([...group.keys()], args).then(
      (reply) => ({ reply: reply as readonly RedisReply[] }),
      (error: unknown) => ({ error }),
    )
    let index = 0
    for (const [list, appends] of group) {
      this.#underWay.delete(list)
      const settled = 'error' in outcome ? outcome : { reply: outcome.reply[index] ?? null }
      for (const append of appends) append.settle(settled)
      index += 1
    }
  }

  /** Takes the appends of the next group, by list; refuses those of handles that broke. */
  #take(): ReadonlyMap<string, readonly WaitingAppend[]> {
    const group = new Map<string, WaitingAppend[]>()
    const left: WaitingAppend[] = []
    let characters = 0
    let seen = 0
    for (const append of this.#waiting) {
      const error = append.refusal()
      if (error !== undefined) {
        seen += 1
        this.#characters -= append.size
        append.settle({ error })
        continue
      }
      const own = group.get(append.list)
      const isElsewhere = this.#underWay.has(append.list)
      const isTooMuch = characters + append.size > mostCharacters || (own === undefined && group.size === mostLists)
      // The rest is not looked at: there may be very much of it.
      if (!isElsewhere && group.size > 0 && isTooMuch) break
      seen += 1
      if (isElsewhere) {
        left.push(append)
        continue
      }
      this.#characters -= append.size
      characters += append.size
      if (own === undefined) group.set(append.list, [append])
      else own.push(append)
    }
    this.#waiting = left.concat(this.#waiting.slice(seen))
    for (const list of group.keys()) this.#underWay.add(list)
    return group
  }
}
