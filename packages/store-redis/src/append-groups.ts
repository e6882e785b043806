/** Group commit: what is appended while a group is under way goes into the next one, for up to 256 logs in one step of the server. */
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
const mostCharacters = 4 * 1024 * 1024
const mostWaiting = 64 * 1024 * 1024

/**
 * Phases: `idle ⇄ writing`. Owns the appends that wait.
 *
 * - I1: one group is under way at a time, so a handle is broken before anything that follows its failure is sent.
 * - I2: appends of one log keep their order, and those of one group are one write.
 */
export class AppendGroups {
  readonly #send: (lists: readonly string[], args: readonly string[]) => Promise<RedisReply>
  #waiting: WaitingAppend[] = []
  #characters = 0
  #isWriting = false

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
    if (!this.#isWriting) void this.#write()
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      // Callers that the last group woke have called by then.
      await new Promise(setImmediate)
      await this.#writeGroup(this.#take())
    }
    this.#isWriting = false
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
    for (const appends of group.values()) {
      const settled = 'error' in outcome ? outcome : { reply: outcome.reply[index] ?? null }
      for (const append of appends) append.settle(settled)
      index += 1
    }
  }

  /** Takes the appends of the next group, by list; refuses those of handles that broke. */
  #take(): ReadonlyMap<string, readonly WaitingAppend[]> {
    const group = new Map<string, WaitingAppend[]>()
    let characters = 0
    let taken = 0
    for (const append of this.#waiting) {
      const error = append.refusal()
      const own = group.get(append.list)
      if (error === undefined) {
        const isFull = group.size > 0 && (characters + append.size > mostCharacters || (own === undefined && group.size === mostLists))
        if (isFull) break
        if (own === undefined) group.set(append.list, [append])
        else own.push(append)
        characters += append.size
      } else append.settle({ error })
      this.#characters -= append.size
      taken += 1
    }
    this.#waiting = this.#waiting.slice(taken)
    return group
  }
}
