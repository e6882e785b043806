/** Checks of contexts in records, snapshots and imports. Pure functions. */
import { countOf, eachOf, type Fail, fieldsOf, messageOf, nameOf, stringOf } from '../../base/message-check.ts'
import type { Message } from '../../base/messages.ts'
import type { StoredContext } from '../state/context.ts'
import type { ImportedContext } from './records.ts'

/** Returns a context of a record or a snapshot. Throws an error made by `fail` for one that cannot be read. */
export function checkStoredContext(value: unknown, path: string, fail: Fail): StoredContext {
  const { summary, from, wholeFrom, messages, origins } = fieldsOf(value, path, fail)
  if (summary !== undefined) stringOf(summary, `${path}.summary`, fail)
  countOf(from, `${path}.from`, fail)
  countOf(wholeFrom, `${path}.wholeFrom`, fail)
  const known = eachOf(messages, `${path}.messages`, fail, messageOf)
  const told = eachOf(origins, `${path}.origins`, fail, checkOrigin)
  if (known.length !== told.length) throw fail(`${path} has ${known.length} messages and ${told.length} origins`)
  return value as StoredContext
}

function checkOrigin(value: unknown, path: string, fail: Fail): void {
  const { seq, at, runId, handOff } = fieldsOf(value, path, fail)
  countOf(seq, `${path}.seq`, fail)
  countOf(at, `${path}.at`, fail)
  nameOf(runId, `${path}.runId`, fail)
  if (handOff !== undefined) nameOf(handOff, `${path}.handOff`, fail)
}

/** Returns the context of an import of these messages. Throws an error made by `fail` for one that does not fit to them. */
export function checkImportedContext(value: unknown, messages: readonly Message[], fail: Fail): ImportedContext {
  const { summary, from } = fieldsOf(value, 'context', fail)
  const text = stringOf(summary, 'context.summary', fail)
  const first = countOf(from, 'context.from', fail)
  if (text.trim() === '') throw fail('context.summary must be text that is not blank')
  if (!Number.isInteger(first) || first < 1 || first > messages.length)
    throw fail(`context.from is ${first}; it must be a number of messages, from 1 to ${messages.length}`)
  if (messages[first]?.role === 'tool') throw fail('context.from separates results of tools from their calls; count both or neither')
  return { summary: text, from: first }
}
