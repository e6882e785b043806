/** Records that a package adds to the journals of sessions. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import { aFunction, anything, checkOptions, text } from '../../base/options.ts'

/** A record of an extension, as it is handed to its fold. */
export interface ExtensionEntry {
  /** The extension's own name for this kind of record. */
  readonly name: string
  readonly runId: RunId
  readonly data: JsonValue
  /** When it was written down, in milliseconds since 1970. */
  readonly at: number
}

/**
 * What a package keeps in a session's journal: facts that are durable with the conversation, and the state that they add up to. Where the extension
 * is not registered (any more), its records are left alone.
 *
 * @example
 * const votes: RecordExtension<number> = { id: 'votes', initial: 0, fold: (count, { name }) => (name === 'up' ? count + 1 : count) }
 */
export interface RecordExtension<TState extends JsonValue = JsonValue> {
  /** 1 to 64 characters, unique in a BeamClaw. */
  readonly id: string
  /** The state before the first record; JSON. */
  readonly initial: TState
  /**
   * Returns the state after one more record; JSON, and always the same for the same records. Throwing refuses a new record with `invalid-message`, and makes
   * a journal that holds such a record `log-corrupt`.
   */
  fold(state: TState, entry: ExtensionEntry): TState
}

/** Throws `invalid-option` for what is no extension, or two of one id. */
export function checkExtensions(extensions: readonly RecordExtension[]): void {
  const ids = new Set<string>()
  for (const extension of extensions) {
    checkOptions<RecordExtension>('RecordExtension', extension, { id: text(64), initial: anything, fold: aFunction }, ['id', 'fold'])
    if (ids.has(extension.id)) throw new BeamClawError('invalid-option', `Two record extensions are called "${extension.id}"`)
    ids.add(extension.id)
  }
}
