/** Finds JSON in a model's answer, also in a Markdown fence or between sentences, and checks it against a schema. */

import { BeamClawError } from '../../base/errors.ts'
import { parseRunId, type RunId } from '../../base/ids.ts'
import type { JsonValue } from '../../base/messages.ts'
import { describeIssues, type StandardSchema } from '../../tool/standard-schema.ts'

/** Maximum pieces of an answer that are tried as JSON. */
const mostCandidates = 8

/** Maximum characters of the answer in the error. */
const shownText = 10_000

const fence = /```[^\n`]*\n([\s\S]*?)```/g

/** The output of an answer, or the problem with it. */
export type ReadOutput<TOutput> = { readonly value: TOutput } | { readonly problem: string }

/** Reads the answer by the schema: the first piece of JSON in it that fits. Rejects with errors of the schema itself. */
export async function readOutput<TOutput>(text: string, schema: StandardSchema<TOutput>): Promise<ReadOutput<TOutput>> {
  let problem: string | undefined
  for (const candidate of jsonIn(text)) {
    const checked = await schema['~standard'].validate(candidate)
    if (checked.issues === undefined) return { value: checked.value }
    problem ??= `it does not fit the schema: ${describeIssues(checked.issues)}`
  }
  return { problem: problem ?? 'it is not JSON' }
}

/** Returns the candidate values of a text in this order: the text itself, fenced blocks, then each object and list in it. */
export function jsonIn(text: string): readonly JsonValue[] {
  const whole = parsed(text)
  if (whole !== undefined) return [whole]
  const fenced = valuesOf(fencedIn(text))
  return fenced.length > 0 ? fenced : valuesOf(bracketedIn(text))
}

/** Returns the error for an answer that does not have the requested shape; it carries the beginning of the text. */
export function invalidOutput(text: string, problem: string, cause?: unknown): BeamClawError {
  const message = `The answer of the model does not have the requested JSON shape: ${problem}`
  return new BeamClawError('invalid-output', message, { cause, details: { problem, text: text.slice(0, shownText).toWellFormed() } })
}

/** Maximum characters of the problem in the message that asks for a corrected answer. */
const shownProblem = 2_000

/** Returns the message that asks for a corrected answer. */
export function repairRequest(problem: string): string {
  return `Your last answer cannot be used: ${problem.slice(0, shownProblem).toWellFormed()}. Reply with the corrected JSON alone: no explanation, no Markdown.`
}

function valuesOf(pieces: readonly string[]): readonly JsonValue[] {
  return pieces.map(parsed).filter((value) => value !== undefined)
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}

function fencedIn(text: string): readonly string[] {
  return [...text.matchAll(fence)].slice(0, mostCandidates).map(([, body = '']) => body)
}

/** Returns the outermost objects and lists, found by their brackets. */
function bracketedIn(text: string): readonly string[] {
  const pieces: string[] = []
  let from = 0
  for (let tries = 0; tries < mostCandidates; tries++) {
    const offset = text.slice(from).search(/[{[]/)
    if (offset < 0) break
    const start = from + offset
    const end = closingOf(text, start)
    if (end !== undefined) pieces.push(text.slice(start, end))
    from = end ?? start + 1
  }
  return pieces
}

/** Returns the position of the bracket that closes the one at `start`. */
function closingOf(text: string, start: number): number | undefined {
  let depth = 0
  let isInString = false
  for (let index = start; index < text.length; index++) {
    const character = text[index]
    if (isInString) {
      if (character === '\\') index++
      else if (character === '"') isInString = false
    } else if (character === '"') isInString = true
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return index + 1
  }
  return undefined
}

/** Returns the key of the message that asks for a corrected answer; undefined when the key would be too long. */
export function parseRepairId(runId: RunId): RunId | undefined {
  const key = `${runId}:repair`
  return key.length <= 256 ? parseRunId(key) : undefined
}
