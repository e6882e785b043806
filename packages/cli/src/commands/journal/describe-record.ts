/** The telling part of a record of a session's journal, as one line for people. Pure; takes any JSON, since a journal may be of another version. */
import type { JsonValue } from '@beamclaw/core'

/** Returns what a record says, in one line of any length and with whatever characters it holds; empty when there is no more than its type. */
export function describeRecord(type: string, data: JsonValue): string {
  return joined(describers[type]?.(data) ?? [JSON.stringify(data)])
}

type Words = readonly (string | undefined)[]

const describers: Readonly<Record<string, (data: JsonValue) => Words>> = {
  'message-in': (data) => [runOf(data), word(data, 'queueMode'), quoted(textOf(at(data, 'message')))],
  'run-start': (data) => [runOf(data), counted(at(data, 'merged'), 'with', 'more messages')],
  'run-resume': (data) => [runOf(data), flag(data, 'isSuspect', 'its step may have caused the crash'), flag(data, 'isCleared', 'cleared')],
  'run-pause': (data) => [runOf(data)],
  'run-steer': (data) => [runOf(data), labelled('takes', word(data, 'from'))],
  'run-cancel': (data) => [runOf(data), word(data, 'reason')],
  'model-request': (data) => [runOf(data), turnOf(data), word(data, 'model')],
  'model-response': (data) => [
    runOf(data),
    turnOf(data),
    word(data, 'finish'),
    tokensOf(at(data, 'usage')),
    quoted(textOf(at(data, 'message'))),
  ],
  'model-failure': (data) => [runOf(data), turnOf(data), failureOf(at(data, 'failure')), flag(data, 'isRetryable', 'will be tried again')],
  'tool-intent': (data) => [runOf(data), word(data, 'name'), jsonOf(at(data, 'input'))],
  'tool-outcome': (data) => [runOf(data), word(data, 'outcome'), quoted(textOf(at(data, 'result')))],
  'history-compact': (data) => [
    labelled('dropped from the context:', word(data, 'dropped')),
    tokensOf(at(data, 'usage')),
    quoted(word(data, 'summary')),
  ],
  'history-rewind': (data) => [labelled('kept', word(data, 'kept'), 'messages')],
  'history-import': (data) => [counted(at(data, 'messages'), '', 'messages')],
  'run-end': (data) => [runOf(data), word(data, 'outcome'), failureOf(at(data, 'failure'))],
  extension: (data) => [joined([word(data, 'extension'), word(data, 'name')]), jsonOf(at(data, 'data'))],
}

function joined(words: Words): string {
  return words.filter((one) => one !== undefined && one !== '').join('  ')
}

function at(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, JsonValue>>)[name]
}

function word(value: JsonValue | undefined, name: string): string | undefined {
  const found = at(value, name)
  return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined
}

// A run's id is a UUID as a rule; its beginning tells it from the others.
const longestId = 12

function runOf(data: JsonValue): string | undefined {
  const id = word(data, 'runId')
  return id === undefined || id.length <= longestId ? id : `${id.slice(0, 8)}…`
}

function turnOf(data: JsonValue): string | undefined {
  const attempt = word(data, 'attempt')
  const turn = labelled('turn', word(data, 'turn'))
  return attempt === undefined || attempt === '1' ? turn : `${turn ?? ''} attempt ${attempt}`.trim()
}

function labelled(before: string, text: string | undefined, after = ''): string | undefined {
  return text === undefined ? undefined : `${before} ${text} ${after}`.trim()
}

function flag(data: JsonValue, name: string, text: string): string | undefined {
  return at(data, name) === true ? text : undefined
}

function counted(value: JsonValue | undefined, before: string, after: string): string | undefined {
  return Array.isArray(value) && value.length > 0 ? `${before} ${value.length} ${after}`.trim() : undefined
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : `“${text}”`
}

function jsonOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function failureOf(failure: JsonValue | undefined): string | undefined {
  const [code, message] = [word(failure, 'code'), word(failure, 'message')]
  return code === undefined ? message : `${code}${message === undefined ? '' : `: ${message}`}`
}

function tokensOf(usage: JsonValue | undefined): string | undefined {
  const [input, output] = [word(usage, 'inputTokens') ?? word(usage, 'input'), word(usage, 'outputTokens') ?? word(usage, 'output')]
  return input === undefined && output === undefined ? undefined : `${input ?? 0} + ${output ?? 0} tokens`
}

/** The text of a message or a tool's result: its content is a text or a list of parts. */
function textOf(message: JsonValue | undefined): string | undefined {
  const content = at(message, 'content')
  if (typeof content === 'string') return content
  return Array.isArray(content)
    ? content
        .map(partOf)
        .filter((one) => one !== '')
        .join(' ')
    : undefined
}

function partOf(part: JsonValue): string {
  const type = word(part, 'type')
  if (type === 'text') return word(part, 'text') ?? ''
  if (type === 'tool-call' || type === 'toolCall') return `[calls ${word(part, 'name') ?? ''}]`
  return `[${type ?? 'part'}]`
}
