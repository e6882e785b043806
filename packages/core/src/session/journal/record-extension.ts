/** Records that a package adds to the journals of sessions. */
import { aFunction, anything, checkOptions, invalidOption, isThenable, text, whenSettled } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import { encodeJson } from '../../defaults/json-text.ts'

/** A record of an extension, as its fold receives it. */
export interface ExtensionEntry {
  /** The extension's own name for this kind of record. */
  readonly name: string
  readonly runId: RunId
  readonly data: JsonValue
  /** When it was recorded, in milliseconds since 1970. */
  readonly at: number
}

/**
 * Defines records that a package keeps in a session's journal: facts as durable as the conversation, and the state folded from them. The records of
 * an extension that is not registered, or no longer registered, are left untouched.
 *
 * @example
 * const votes: RecordExtension<number> = { id: 'votes', initial: 0, fold: (count, { name }) => (name === 'up' ? count + 1 : count) }
 */
export interface RecordExtension<TState extends JsonValue = JsonValue> {
  /** 1 to 64 characters, unique in a BeamClaw. */
  readonly id: string
  /** The state before the first record; JSON, and required. */
  readonly initial: TState
  /**
   * Returns the state after one more record. It must be JSON, and the same records must always give the same state. When it throws or returns a value
   * that is not JSON, such as a promise, a new record is rejected with `invalid-message`, and a journal with such a record is `log-corrupt`.
   */
  fold(state: TState, entry: ExtensionEntry): TState
}

/** Throws `invalid-option` for a value that is not an extension, and for two extensions with the same id. */
export function checkExtensions(extensions: readonly RecordExtension[]): void {
  const ids = new Set<string>()
  for (const extension of extensions) {
    checkOptions<RecordExtension>('RecordExtension', extension, { id: text(64), initial: anything, fold: aFunction }, ['id', 'fold'])
    checkInitial(extension)
    if (ids.has(extension.id)) throw new BeamClawError('invalid-option', `Two record extensions are called "${extension.id}"`)
    ids.add(extension.id)
  }
}

/** Maximum size of the state of one extension, in bytes of JSON. */
const maxStateBytes = 16 * 1024 * 1024

function checkInitial({ initial }: RecordExtension): void {
  try {
    encodeJson(initial, maxStateBytes)
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-message')) throw error
    throw invalidOption('RecordExtension', 'initial', 'JSON', initial)
  }
}

/** Throws `invalid-message` for a state that is not JSON, and `document-too-large` for one above 16 MiB. */
export function checkExtensionState(state: JsonValue): void {
  encodeJson(state, maxStateBytes)
}

/**
 * Returns the state after one more record. Throws what the fold throws, and `invalid-message` for a value that a quick check finds not to be JSON.
 * The whole state is checked once, when its record is written.
 */
export function foldedState(extension: RecordExtension, state: JsonValue, entry: ExtensionEntry): JsonValue {
  const next: unknown = extension.fold(state, entry)
  if (isThenable(next)) {
    // The promise is ignored; handling its rejection avoids an unhandled one.
    whenSettled(next, ignore, ignore)
    throw new BeamClawError('invalid-message', 'its fold returned a promise; it must return the state at once')
  }
  encodeJson(typeof next === 'object' && next !== null ? emptyLike(next) : next, maxStateBytes)
  return next as JsonValue
}

const ignore = (): void => {}

/** Returns an empty object of the same kind. */
function emptyLike(value: object): object {
  return Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))
}
