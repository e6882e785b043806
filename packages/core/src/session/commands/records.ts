/** `record` and `records`: write and read an extension's records in the journal. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import { type Fail, jsonOf, read } from '../../base/message-check.ts'
import type { JsonValue } from '../../base/messages.ts'
import { encodeJson } from '../../defaults/json-text.ts'
import { checkExtensionState, foldedState } from '../journal/record-extension.ts'
import type { CommandContext } from './command.ts'

export interface AppendRecord {
  readonly type: 'record'
  readonly runId: RunId
  readonly extension: string
  readonly name: string
  /** As `checkedRecordData` returns it. */
  readonly data: JsonValue
}

export interface ReadRecords {
  readonly type: 'records'
  readonly extension: string
}

/** Maximum size of the data of one record, in bytes of JSON. */
const maxRecordBytes = 1024 * 1024

const maxNameCharacters = 256

const refused: Fail = (problem) => new BeamClawError('invalid-message', `record: ${problem}`)

/** Returns a copy of the data of a record. Throws `invalid-message` and `document-too-large`. Called before the session gets it. */
export function checkedRecordData(given: unknown): JsonValue {
  return read(() => jsonOf(JSON.parse(encodeJson(given, maxRecordBytes)), 'data', refused), 'data', refused)
}

export async function appendRecord({ key, state, journal }: CommandContext, message: AppendRecord): Promise<JsonValue> {
  const { runId, extension: id, name, data } = message
  const extension = state.extension(id)
  if (extension === undefined) throw new BeamClawError('invalid-option', `No part has registered the record extension "${id}"`)
  if (!state.runs.has(runId)) throw new BeamClawError('unknown-run', `Session "${key}" does not know the run "${runId}"`)
  if (typeof name !== 'string' || name === '' || name.length > maxNameCharacters)
    throw refused(`name must be text of 1 to ${maxNameCharacters} characters`)
  try {
    // A record that its own fold rejects would make the journal unreadable.
    checkExtensionState(
      foldedState(extension, state.extensions.get(id) ?? deepFreeze(extension.initial), { name, runId, data, at: state.at }),
    )
  } catch (error) {
    throw new BeamClawError('invalid-message', `The record "${name}" of "${id}" was refused: ${describeError(error)}`, { cause: error })
  }
  await journal.commit({ type: 'extension', runId, extension: id, name, data })
  return state.extensions.get(id) ?? extension.initial
}

export async function readRecords({ state, journal }: CommandContext, { extension }: ReadRecords): Promise<JsonValue | undefined> {
  const own = state.extensions.get(extension)
  await journal.flush()
  return own
}
