/** Assertions over recorded runs. Each throws an `AssertionError` with what was expected and what came, which every test runner shows. */
import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Tool } from '@beamclaw/core'
import { type DeniedToolCall, deniedCallsOf, type RecordedToolCall, type RunRecord, toolCallsOf, toolNameOf } from './run-record.ts'

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
  throw new AssertionError({
    message: [`expected a call of ${toolNameOf(tool)}${wanted}`, calledIn(record), ...deniedIn(record)].join('; '),
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
    message: `expected no call of ${toolNameOf(tool) ?? 'any tool'}; the run called ${calls.map(callText).join(', ')}`,
    actual: calls.map(({ input }) => input),
    expected: [],
    operator: 'assertToolNotCalled',
    stackStartFn: assertToolNotCalled,
  })
}

/**
 * Returns the first call of a tool that a `beforeTool` hook denied, with its input and the reason: for this reason, or one that matches the pattern, if any is
 * given. Throws an `AssertionError` when there is none.
 *
 * @example
 * assertToolDenied(record, 'deploy', /not on Sundays/)
 */
export function assertToolDenied<TInput>(record: RunRecord, tool: string | Tool<TInput>, reason?: string | RegExp): DeniedToolCall<TInput> {
  const calls = deniedCallsOf(record, tool)
  const found = calls.find((call) => reason === undefined || isText(call.reason, reason))
  if (found !== undefined) return found
  const wanted = reason === undefined ? '' : ` for ${shown(reason)}`
  throw new AssertionError({
    message: [`expected a denied call of ${toolNameOf(tool)}${wanted}`, ...deniedIn(record), calledIn(record)].join('; '),
    actual: calls.map((call) => call.reason),
    expected: reason,
    operator: 'assertToolDenied',
    stackStartFn: assertToolDenied,
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
  if (outcome === 'completed' && isText(actual, text)) return
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

function isText(actual: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? actual === wanted : actual.search(wanted) >= 0
}

function calledIn(record: RunRecord): string {
  return `the run called ${toolCallsOf(record).map(callText).join(', ') || 'no tool'}`
}

/** Returns what to say of denied calls; nothing where there were none. */
function deniedIn(record: RunRecord): readonly string[] {
  const calls = deniedCallsOf(record).map((call) => `${callText(call)}: ${shown(call.reason)}`)
  return calls.length === 0 ? [] : [`denied was ${calls.join(', ')}`]
}

function callText({ name, input }: Pick<RecordedToolCall, 'name' | 'input'>): string {
  return `${name}(${shown(input)})`
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
