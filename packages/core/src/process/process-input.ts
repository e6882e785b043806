/** Checks what callers pass to the list of processes. */
import {
  aBoolean,
  anObject,
  aSignal,
  checkOptions,
  definedOnly,
  describeValue,
  duration,
  integer,
  oneOf,
  text,
} from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { parseAgentId, parseRunId, parseSessionKey } from '../base/ids.ts'
import type { TerminalSize } from '../ports/sandbox.ts'
import type { PollProcessOptions, ProcessFilter, ProcessOwner, ReadProcessOptions, StartProcessOptions } from './process-types.ts'

/** Longest label and longest input of one call, in characters and bytes. */
const maxLabel = 4_000
export const maxInput = 1024 * 1024

/** Bytes of a read, at most and at least: a character has to fit. */
const mostBytes = 1024 * 1024
const leastBytes = 64

const readRules = { from: integer(0), maxBytes: integer(leastBytes, mostBytes) }

export function checkStart(command: unknown, owner: ProcessOwner, options: StartProcessOptions): ProcessOwner {
  checkOptions('ProcessList.start', { command, owner, options }, { command: anObject, owner: anObject, options: anObject }, [
    'command',
    'owner',
  ])
  checkOptions<StartProcessOptions>('ProcessList.start', options, {
    label: text(Number.MAX_SAFE_INTEGER),
    isBackground: aBoolean,
    isDetached: aBoolean,
    notify: aBoolean,
    timeoutMs: duration(1),
  })
  const { sessionKey, agentId, runId, callKey, context } = owner
  checkOptions('ProcessList.start', { callKey }, { callKey: text(1_024) }, ['callKey'])
  return {
    sessionKey: parseSessionKey(sessionKey),
    agentId: parseAgentId(agentId),
    runId: parseRunId(runId),
    callKey,
    ...definedOnly({ context }),
  }
}

/** Returns the label of a process. */
export function labelOf(argv: readonly string[], { label }: StartProcessOptions): string {
  return (label ?? argv.map(quoted).join(' ')).slice(0, maxLabel).toWellFormed()
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

export function checkFilter(filter: ProcessFilter): void {
  checkOptions<ProcessFilter>('ProcessList.list', filter, { sessionKey: text(), isRunning: aBoolean })
}

export function checkRead(method: string, options: ReadProcessOptions): { readonly from: number; readonly maxBytes: number } {
  checkOptions<ReadProcessOptions>(`ProcessList.${method}`, options, readRules)
  const { from = 0, maxBytes = 65_536 } = options
  return { from, maxBytes }
}

export function checkPoll(
  options: PollProcessOptions,
): Required<Omit<PollProcessOptions, 'signal'>> & { readonly signal: AbortSignal | undefined } {
  checkOptions<PollProcessOptions>('ProcessList.poll', options, {
    ...readRules,
    waitMs: duration(),
    until: oneOf('output', 'end'),
    signal: aSignal,
  })
  const { from = 0, maxBytes = 65_536, waitMs = 0, until = 'output', signal } = options
  return { from, maxBytes, waitMs, until, signal }
}

export function checkTail(maxBytes: number): void {
  checkOptions('ProcessList.tail', { maxBytes }, { maxBytes: integer(leastBytes, mostBytes) })
}

/** Returns the bytes to write. */
export function inputBytes(data: unknown): Uint8Array {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
  if (bytes instanceof Uint8Array && bytes.length <= maxInput) return bytes
  const came = bytes instanceof Uint8Array ? `${bytes.length} bytes` : describeValue(data)
  throw new BeamClawError('invalid-option', `ProcessList.write: "data" must be text or bytes, at most ${maxInput} bytes, received ${came}`)
}

export function checkKeys(names: unknown): asserts names is readonly string[] {
  const isList = Array.isArray(names) && names.length <= 1_000 && names.every((name) => typeof name === 'string')
  if (!isList) throw new BeamClawError('invalid-option', 'ProcessList.keys: "names" must be a list of at most 1000 names of keys')
}

export function checkSize(size: TerminalSize): void {
  checkOptions<TerminalSize>('ProcessList.resize', size, { columns: integer(1, 1_000), rows: integer(1, 1_000) }, ['columns', 'rows'])
}
