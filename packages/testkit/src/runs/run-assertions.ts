/** Assertions over recorded runs. Each throws an `AssertionError` with what was expected and what came, which every test runner shows. */
import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Tool } from '@beamclaw/core'
import { type RecordedToolCall, type RunRecord, toolCallsOf, toolNameOf } from './run-record.ts'

/** An input in part: the fields that matter, at any depth. */
type InputPart<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: InputPart<T[K]> } : T

/**
 * Returns the first call of a tool whose input contains `input`: further fields are ignored, and arrays are compared as a whole. Throws an
 * `AssertionError` when there is none.
 *
 * @example
 * assertToolCalled(record, 'deploy', { target: 'staging' })
 */
export function assertToolCalled<TInput>(
  record: RunRecord,
  tool: string | Tool<TInput>,
  input?: InputPart<TInput>,
): RecordedToolCall<TInput> {
  const calls = toolCallsOf(record, tool)
  const found = calls.find((call) => input === undefined || hasPart(call.input, input))
  if (found !== undefined) return found
  const wanted = input === undefined ? '' : ` with ${shown(input)}`
  const others = toolCallsOf(record).map(({ name, input: other }) => `${name}(${shown(other)})`)
  throw new AssertionError({
    message: `expected a call of ${toolNameOf(tool)}${wanted}; the run called ${others.join(', ') || 'no tool'}`,
    actual: calls.map((call) => call.input),
    expected: input === undefined ? undefined : [input],
    operator: 'assertToolCalled',
    stackStartFn: assertToolCalled,
  })
}

/**
 * Throws an `AssertionError` when the run began a call of the tool, or of any tool if none is given.
 *
 * @example
 * assertToolNotCalled(record, 'deploy')
 */
export function assertToolNotCalled(record: RunRecord, tool?: string | Pick<Tool, 'declaration'>): void {
  const calls = toolCallsOf(record, toolNameOf(tool))
  if (calls.length === 0) return
  throw new AssertionError({
    message: `expected no call of ${toolNameOf(tool) ?? 'any tool'}; the run called ${calls.map(({ name, input }) => `${name}(${shown(input)})`).join(', ')}`,
    actual: calls.map(({ input }) => input),
    expected: [],
    operator: 'assertToolNotCalled',
    stackStartFn: assertToolNotCalled,
  })
}

/**
 * Throws an `AssertionError` unless the run completed with this text, or a text that matches the pattern.
 *
 * @example
 * assertRunText(record, /deployed/)
 */
export function assertRunText(record: RunRecord, text: string | RegExp): void {
  const { outcome, error, text: actual } = record
  const isIt = typeof text === 'string' ? actual === text : actual.search(text) >= 0
  if (outcome === 'completed' && isIt) return
  const came = outcome === 'completed' ? shown(actual) : `${outcome} (${error?.code}: ${error?.message})`
  throw new AssertionError({
    message: `expected the run to say ${shown(text)}; it ${outcome === 'completed' ? 'said' : 'was'} ${came}`,
    actual,
    expected: text,
    operator: 'assertRunText',
    stackStartFn: assertRunText,
  })
}

/**
 * Throws an `AssertionError` unless the run failed or was aborted with this error code.
 *
 * @example
 * assertRunFailed(record, 'max-turns')
 */
export function assertRunFailed(record: RunRecord, code: string): void {
  if (record.error?.code === code) return
  throw new AssertionError({
    message: `expected the run to fail with ${code}; it ${record.error === undefined ? `said ${shown(record.text)}` : `failed with ${record.error.code}: ${record.error.message}`}`,
    actual: record.error?.code,
    expected: code,
    operator: 'assertRunFailed',
    stackStartFn: assertRunFailed,
  })
}

function hasPart(actual: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(actual, part)
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual) !== Array.isArray(part)) return false
  if (Array.isArray(part) && part.length !== (actual as unknown[]).length) return false
  return Object.entries(part).every(([name, value]) => hasPart((actual as Readonly<Record<string, unknown>>)[name], value))
}

function shown(value: unknown): string {
  return inspect(value, { depth: 4, maxArrayLength: 20, maxStringLength: 200, breakLength: Number.POSITIVE_INFINITY })
}
