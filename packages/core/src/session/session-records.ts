/** The public handle on the records of one extension in one conversation. */
import { parseRunId, type RunId, type SessionKey } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { checkedRecordData } from './commands/records.ts'
import type { RecordExtension } from './journal/record-extension.ts'
import type { SessionAccess } from './session-door.ts'

/**
 * A handle on the records of one extension in one session.
 *
 * @example
 * const state = await host.records(votes, 'agent:main:chat-7').append(runId, 'vote', { up: true })
 */
export class SessionRecords<TState extends JsonValue> {
  readonly #extension: RecordExtension<TState>
  readonly #key: SessionKey
  readonly #access: SessionAccess

  constructor(extension: RecordExtension<TState>, key: SessionKey, access: SessionAccess) {
    this.#extension = extension
    this.#key = key
    this.#access = access
  }

  /**
   * Records a fact of a run that the session knows. Resolves with the extension's state once the record is durable. Rejects with `unknown-session`,
   * `unknown-run`, `invalid-id`, `invalid-message` for data that is not JSON or that the extension's fold rejects, `document-too-large` for data above
   * 1 MiB, and `invalid-option` when no part has registered the extension.
   */
  async append(runId: RunId, name: string, data: JsonValue = {}): Promise<TState> {
    const checked = { runId: parseRunId(runId), data: checkedRecordData(data) }
    const message = { type: 'record', extension: this.#extension.id, name, ...checked } as const
    return this.#access.router.ask<TState>(this.#key, message)
  }

  /** Resolves with the state folded from the records. Rejects with `unknown-session`. */
  async state(): Promise<TState> {
    const message = { type: 'records', extension: this.#extension.id } as const
    const state = await this.#access.router.ask<TState | undefined>(this.#key, message)
    return state ?? this.#extension.initial
  }
}
