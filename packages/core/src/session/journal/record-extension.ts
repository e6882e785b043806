/** Records that a package adds to the journals of sessions. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import { aFunction, anything, checkOptions, invalidOption, text } from '../../base/options.ts'
import { isThenable, whenSettled } from '../../base/thenable.ts'
import { encodeJson } from '../../defaults/json-text.ts'

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
  /** The state before the first record; JSON, and required. */
  readonly initial: TState
  /**
   * Returns the state after one more record; JSON, and always the same for the same records. Throwing, or returning what is no JSON, such as a promise,
   * refuses a new record with `invalid-message`, and makes a journal that holds such a record `log-corrupt`.
   */
  fold(state: TState, entry: ExtensionEntry): TState
}

/** Throws `invalid-option` for what is no extension, or two of one id. */
export function checkExtensions(extensions: readonly RecordExtension[]): void {
  const ids = new Set<string>()
  for (const extension of extensions) {
    checkOptions<RecordExtension>('RecordExtension', extension, { id: text(64), initial: anything, fold: aFunction }, ['id', 'fold'])
    checkInitial(extension)
    if (ids.has(extension.id)) throw new BeamClawError('invalid-option', `Two record extensions are called "${extension.id}"`)
    ids.add(extension.id)
  }
}

/** Bytes that what the records of one extension add up to may have as JSON. */
const maxStateBytes = 16 * 1024 * 1024

function checkInitial({ initial }: RecordExtension): void {
  try {
    encodeJson(initial, maxStateBytes)
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-message')) throw error
    throw invalidOption('RecordExtension', 'initial', 'JSON', initial)
  }
}

/** Throws `invalid-message` for a state that is no JSON, and `document-too-large`. */
export function checkExtensionState(state: JsonValue): void {
  encodeJson(state, maxStateBytes)
}

/**
 * Returns the state after one more record. Throws what the fold throws, and `invalid-message` for what is no JSON as far as one look tells: all of a state is
 * checked once, when its record is written.
 */
export function foldedState(extension: RecordExtension, state: JsonValue, entry: ExtensionEntry): JsonValue {
  const next: unknown = extension.fold(state, entry)
  if (isThenable(next)) {
    // Nobody waits for it.
    whenSettled(next, ignore, ignore)
    throw new BeamClawError('invalid-message', 'its fold returned a promise; it must return the state at once')
  }
  encodeJson(typeof next === 'object' && next !== null ? emptyLike(next) : next, maxStateBytes)
  return next as JsonValue
}

const ignore = (): void => {}

/** Returns an object of the same kind without what it holds. */
function emptyLike(value: object): object {
  return Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value))
}
