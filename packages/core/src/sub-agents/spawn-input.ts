/** Checks what callers pass to the list of sub-agents. */
import { aBoolean, checkOptions, duration, integer, oneOf, readOptions, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { parseAgentId, parseSessionKey, type SessionKey } from '../base/ids.ts'
import { jsonProblemOf } from '../base/json-problem.ts'
import type { SpawnRequest, SubAgentFilter } from './sub-agent-types.ts'

/** Longest task and longest label, in characters. */
export const maxTask = 100_000
export const maxLabel = 100

/** Returns a checked copy of a request. Throws `invalid-option`, `invalid-session-key` and `invalid-id`. */
export function checkSpawn(given: SpawnRequest): SpawnRequest & { readonly parent: SessionKey } {
  const owner = 'SubAgentList.spawn'
  const request = readOptions(owner, given)
  checkOptions<SpawnRequest>(
    owner,
    request,
    {
      parent: text(),
      task: (value) =>
        typeof value === 'string' && value.trim() !== '' && value.length <= maxTask ? undefined : `text of 1 to ${maxTask} characters`,
      agent: text(64),
      label: text(maxLabel),
      timeoutMs: duration(1),
      maxTurns: integer(1),
      maxTokens: integer(1),
      cleanup: oneOf('keep', 'delete'),
      context: (value) => jsonProblemOf(value, 'context'),
      idempotencyKey: text(1_024),
    },
    ['parent', 'task'],
  )
  const { agent, label, context } = request
  return {
    ...request,
    parent: parseSessionKey(request.parent),
    task: request.task.toWellFormed(),
    ...(agent === undefined ? {} : { agent: parseAgentId(agent) }),
    ...(label === undefined ? {} : { label: label.toWellFormed() }),
    // A copy: the caller's object may change later.
    ...(context === undefined ? {} : { context: JSON.parse(JSON.stringify(context)) }),
  }
}

/** Throws `invalid-option`. */
export function checkFilter(filter: SubAgentFilter): void {
  checkOptions<SubAgentFilter>('SubAgentList.list', filter, { parent: text(), isRunning: aBoolean })
}

/** Throws `invalid-option`. */
export function checkCancel(options: { readonly notify?: boolean }): void {
  checkOptions('SubAgentList.cancel', options, { notify: aBoolean })
}

/** Returns 32 hexadecimal digits, the same for the same words. */
export async function digestOf(...words: readonly string[]): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(words))))
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Returns the error for a second spawn with the key of another one. */
export function otherTask(id: string): BeamClawError {
  return new BeamClawError('idempotency-mismatch', 'SubAgentList.spawn: the key belongs to a sub-agent with another task', {
    details: { id },
  })
}
