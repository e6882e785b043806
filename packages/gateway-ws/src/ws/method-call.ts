/**
 * One request under way. Its phases: `asked → accepted → ended`, where a method that answers once goes from `asked` to `ended`.
 *
 * I1: at most one first answer is sent, before the last one. I2: what the implementation does after the end has no effect on the client.
 */
import { BeamClawError } from '@beamclaw/core'
import type { KnownMethod, PublishAny } from '../methods/method-table.ts'
import { check } from '../schema-check.ts'
import type { Connection } from './connection.ts'
import { describeIssue } from './failure.ts'
import type { Call } from './methods/call.ts'

export class MethodCall implements Call {
  readonly connection: Connection
  readonly publish: PublishAny
  readonly #method: KnownMethod
  readonly #id: string
  readonly #afterwards: (() => void)[] = []
  #phase: 'asked' | 'accepted' | 'ended' = 'asked'

  constructor(id: string, method: KnownMethod, connection: Connection) {
    this.#id = id
    this.#method = method
    this.connection = connection
    this.publish = method.publish
  }

  // Functions instead of methods, because implementations destructure them.
  readonly accept = (payload: unknown): void => {
    if (this.#phase === 'ended') return
    const { name, accepted } = this.#method
    if (accepted === undefined) throw new BeamClawError('internal', `The method ${name} has one response: its definition has no "accepted"`)
    if (this.#phase === 'accepted') throw new BeamClawError('internal', `The method ${name} has sent its first response already`)
    const checked = check(accepted, payload)
    if (!checked.success) throw new BeamClawError('internal', describeIssue(checked.error, `first response of ${name}`))
    this.#phase = 'accepted'
    this.connection.answer(this.#id, checked.data)
  }

  readonly afterwards = (work: () => void): void => {
    this.#afterwards.push(work)
  }

  /** Resolves when the response is sent. Rejects with the implementation's error, or `internal` for a result that does not fit. */
  async run(params: unknown): Promise<void> {
    const { name, run, result } = this.#method
    try {
      const returned = await (run as (params: unknown, call: Call) => unknown)(params, this)
      const checked = check(result, returned)
      if (!checked.success) throw new BeamClawError('internal', describeIssue(checked.error, `result of ${name}`))
      this.connection.answer(this.#id, checked.data)
    } finally {
      this.#phase = 'ended'
    }
  }

  /** Runs the work that waits for the response, after it or the error was sent. */
  finish(): void {
    for (const work of this.#afterwards.splice(0)) work()
  }
}
