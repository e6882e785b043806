/** What is stored of a sub-agent, and how it changes. Pure. */
import { definedOnly } from '@beamclaw/actor/internal'
import type { AgentId, RunId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue, ModelUsage } from '../base/messages.ts'
import type { StoreKey } from '../ports/store-key.ts'
import type { SubAgent, SubAgentCleanup, SubAgentStatus } from './sub-agent-types.ts'

/** The session that has spawned a sub-agent. */
export interface SubAgentParent {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** The run whose tool has spawned it: when that is aborted, the sub-agent is too. */
  readonly runId?: RunId
  /** The context of messages in both directions. */
  readonly context?: JsonValue
}

/** Why a sub-agent is ended by force. */
export type StopReason = 'cancel' | 'parent' | 'timeout' | 'budget'

/** How a sub-agent ended. */
export interface SubAgentEnd {
  readonly status: Exclude<SubAgentStatus, 'starting' | 'running'>
  readonly answer?: string
  readonly failure?: { readonly code: string; readonly message: string }
  readonly usageByModel: readonly ModelUsage[]
}

/** A sub-agent, as its document has it. */
export interface SubAgentRecord {
  readonly id: string
  readonly agentId: AgentId
  readonly sessionKey: SessionKey
  readonly parent: SubAgentParent
  readonly task: string
  readonly label?: string
  readonly depth: number
  /** Names of the tools that it may call. */
  readonly tools: readonly string[]
  readonly maxTurns?: number
  readonly maxTokens?: number
  readonly cleanup: SubAgentCleanup
  readonly startedAt: number
  readonly deadlineAt: number
  readonly status: SubAgentStatus
  /** Why it is being ended. The first reason counts. */
  readonly stop?: StopReason
  readonly endedAt?: number
  readonly end?: SubAgentEnd
  /** Whether the parent is to be told of the end. `due`: not done yet. */
  readonly notice: 'none' | 'due' | 'done'
  /** Whether the parent is to be told once it ends. */
  readonly notify: boolean
  /** True once its session is deleted, where it is to be. */
  readonly isClean: boolean
}

/** What happens to a sub-agent. */
export type SubAgentChange =
  | { readonly type: 'started' }
  | { readonly type: 'stop'; readonly reason: StopReason; readonly notify: boolean }
  | { readonly type: 'ended'; readonly end: SubAgentEnd; readonly at: number }
  | { readonly type: 'told' }
  | { readonly type: 'silenced' }
  | { readonly type: 'clean' }

/** Returns true for a sub-agent that does nothing any more. */
export function hasEnded({ status }: Pick<SubAgentRecord, 'status'>): boolean {
  return status !== 'starting' && status !== 'running'
}

/** Returns the record after a change. The first end and the first reason to stop count. */
export function applyChange(record: SubAgentRecord, change: SubAgentChange): SubAgentRecord {
  switch (change.type) {
    case 'started':
      return record.status === 'starting' ? { ...record, status: 'running' } : record
    case 'stop':
      if (hasEnded(record)) return record
      return { ...record, stop: record.stop ?? change.reason, notify: record.notify && change.notify }
    case 'ended':
      if (hasEnded(record)) return record
      return { ...record, status: change.end.status, end: change.end, endedAt: change.at, notice: record.notify ? 'due' : 'none' }
    case 'told':
      return record.notice === 'due' ? { ...record, notice: 'done' } : record
    case 'silenced':
      return { ...record, notify: false, notice: record.notice === 'due' ? 'none' : record.notice }
    case 'clean':
      return { ...record, isClean: true }
  }
}

/** Returns how a run that was stopped is called. */
export function statusOfStop(reason: StopReason): SubAgentEnd['status'] {
  if (reason === 'timeout') return 'timed-out'
  return reason === 'budget' ? 'over-budget' : 'cancelled'
}

/** Returns what callers see. */
export function viewOf(record: SubAgentRecord): SubAgent {
  const { id, agentId, sessionKey, parent, task, label, depth, status, cleanup, startedAt, deadlineAt, endedAt, end } = record
  const { answer, failure, usageByModel = [] } = end ?? {}
  return {
    ...{ id, agentId, sessionKey, parent: parent.sessionKey, task, label, depth, status, cleanup, startedAt, deadlineAt, endedAt },
    ...{ answer, failure, usageByModel },
  }
}

/** Returns the prefix of the keys of all sub-agents of a tenant. */
export function subAgentKeys(tenant: TenantId): StoreKey {
  return [tenant, 'sub-agents']
}

/** Returns the key of the document of a sub-agent. */
export function subAgentKey(tenant: TenantId, id: string): StoreKey {
  return [tenant, 'sub-agents', id]
}

const version = 1

/** Returns the document of a record. */
export function toDocument(record: SubAgentRecord): JsonObject {
  return { version, ...(definedOnly(record) as unknown as JsonObject) }
}

const statuses: readonly unknown[] = [
  ...['starting', 'running', 'completed', 'failed', 'cancelled', 'timed-out', 'over-budget'],
] satisfies readonly string[]

/** Returns the record of a document; undefined for a document of another version or shape. */
export function fromDocument(value: JsonValue, id: string): SubAgentRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { version: found, ...rest } = value as JsonObject
  const record = rest as unknown as SubAgentRecord
  const isRecord =
    found === version &&
    record.id === id &&
    statuses.includes(record.status) &&
    typeof record.sessionKey === 'string' &&
    typeof record.parent?.sessionKey === 'string' &&
    typeof record.task === 'string' &&
    Array.isArray(record.tools) &&
    Number.isFinite(record.startedAt) &&
    Number.isFinite(record.deadlineAt) &&
    (record.end === undefined) === !hasEnded(record) &&
    (record.endedAt === undefined) === !hasEnded(record)
  return isRecord ? record : undefined
}
