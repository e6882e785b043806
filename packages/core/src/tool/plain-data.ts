/** Converts the output of a tool to plain JSON without silent loss: values that JSON would drop or change are written out, or refused. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { JsonValue } from '../base/messages.ts'

/** Maximum depth of objects and arrays; a deeper value is a cycle, or useless to a model. */
const deepest = 512

/** Maximum number of values; an object that is referenced several times counts each time, as it is written out each time. */
const mostValues = 1_000_000

/**
 * Returns JSON for a value: a `Map` with string keys becomes an object, any other an array of pairs; a `Set` an array, a bigint its digits, a
 * number that is not finite its name, an `Error` its name and message, an instance of a class what its `toJSON` returns, or its own fields.
 * Fields that are undefined are left out, and undefined elements become null. Throws `tool-failed`, with the place, for what has no data of
 * its own (functions, symbols, promises, bytes, instances without fields) and for cycles; and what getters and `toJSON` throw.
 */
export function plainData(value: unknown): JsonValue | undefined {
  return new DataWriter().plain(value, '', 0)
}

class DataWriter {
  #left = mostValues

  plain(value: unknown, path: string, depth: number): JsonValue | undefined {
    if (--this.#left < 0) throw noData(`more than ${mostValues} values`, '')
    switch (typeof value) {
      case 'string':
      case 'boolean':
      case 'undefined':
        return value
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'bigint':
        return String(value)
      case 'object':
        return value === null ? null : this.#object(value, path, depth)
      default:
        throw noData(`a ${typeof value}`, path)
    }
  }

  #object(value: object, path: string, depth: number): JsonValue | undefined {
    if (depth === deepest) throw noData(`more than ${deepest} levels, or a cycle,`, path.slice(0, 64))
    const items = (list: Iterable<unknown>): JsonValue[] =>
      Array.from(list, (item, index) => this.plain(item, `${path}[${index}]`, depth + 1) ?? null)
    const fields = (entries: Iterable<readonly [string, unknown]>): JsonValue =>
      Object.fromEntries(Array.from(entries, ([name, item]) => [name, this.plain(item, path === '' ? name : `${path}.${name}`, depth + 1)]))
    if (Array.isArray(value)) return items(value)
    if (value instanceof Map) return [...value.keys()].every((name) => typeof name === 'string') ? fields(value) : items(value)
    if (value instanceof Set) return items(value)
    if (value instanceof Date && Number.isNaN(value.getTime())) return 'Invalid Date'
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) throw noData('bytes', path)
    const { toJSON } = value as { readonly toJSON?: unknown }
    if (typeof toJSON === 'function') return this.plain(toJSON.call(value, path), path, depth + 1)
    if (value instanceof Error) return { name: textOf(value.name), message: textOf(value.message) }
    const entries = Object.entries(value)
    if (entries.length === 0 && !isPlain(value)) throw noData(`an instance of ${nameOf(value)} without fields of its own`, path)
    return fields(entries)
  }
}

/** Returns a field of an error, which may have been set to anything. */
function textOf(field: unknown): string {
  return typeof field === 'string' ? field : describeValue(field)
}

/** Returns true for a plain object; one of another realm has another `Object.prototype`, which also ends its prototype chain. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  const { name } = (value as { readonly constructor?: { readonly name?: unknown } }).constructor ?? {}
  return typeof name === 'string' && name !== '' ? name.slice(0, 64) : 'a class'
}

function noData(what: string, path: string): BeamClawError {
  const place = path === '' ? '' : ` at "${path.slice(0, 128)}"`
  const hint = 'A tool returns text, data that JSON can hold, or what toolResult({ content }) made'
  return new BeamClawError('tool-failed', `The tool returned ${what}${place}, which cannot be shown to a model. ${hint}.`)
}
