/** What is stored of a process, and how it changes. Pure. */
import type { NodeId, TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { CommandExit } from '../ports/sandbox.ts'
import type { StoreKey } from '../ports/store-key.ts'
import type { ProcessOwner, ProcessStatus } from './process-types.ts'

/** How an end came about. */
export type EndCause = 'itself' | 'kill' | 'timeout' | 'stop'

/** A process, as its document has it. The command's variables are not kept: they may be secrets. */
export interface ProcessRecord {
  readonly id: string
  /** The node that has started it: it alone recovers it. */
  readonly node: NodeId
  readonly owner: ProcessOwner
  readonly command: string
  readonly sandbox: string
  readonly cwd: string
  readonly status: ProcessStatus
  readonly isBackground: boolean
  readonly isDetached: boolean
  readonly notify: boolean
  readonly startedAt: number
  /** Found by a sandbox when the node has died before the identity was stored. Absent in documents of earlier versions. */
  readonly mark?: string
  readonly identity?: JsonObject
  readonly endedAt?: number
  readonly exit?: { readonly code: number | null; readonly signal: string | null; readonly survivors: number }
  readonly isTimedOut?: boolean
  /** Whether the owner is to be told of the end. `due`: not done yet. */
  readonly notice: 'none' | 'due' | 'done'
  readonly outputBytes: number
  /** The end of the output. */
  readonly tail: string
}

/** What happens to a process. */
export type ProcessChange =
  | { readonly type: 'spawned'; readonly identity: JsonObject }
  | { readonly type: 'output'; readonly outputBytes: number; readonly tail: string }
  | { readonly type: 'background' }
  | { readonly type: 'ended'; readonly exit: CommandExit; readonly by: EndCause; readonly at: number }
  | { readonly type: 'lost'; readonly at: number }
  | { readonly type: 'told' }

/** Returns true for a process that does not run any more. */
export function hasEnded({ status }: Pick<ProcessRecord, 'status'>): boolean {
  return status !== 'starting' && status !== 'running'
}

/** Returns the record after a change. The first end counts; only the output, which comes before it, and the notice follow it. */
export function applyChange(record: ProcessRecord, change: ProcessChange): ProcessRecord {
  switch (change.type) {
    case 'output':
      return { ...record, outputBytes: change.outputBytes, tail: change.tail }
    case 'told':
      return record.notice === 'due' ? { ...record, notice: 'done' } : record
    case 'spawned':
      return { ...record, identity: change.identity, status: record.status === 'starting' ? 'running' : record.status }
    case 'background':
      return hasEnded(record) ? record : { ...record, isBackground: true }
    case 'ended':
      return hasEnded(record) ? record : ended(record, change)
    case 'lost':
      return hasEnded(record) ? record : { ...record, status: 'lost', endedAt: change.at, notice: noticeOf(record) }
  }
}

function ended(record: ProcessRecord, { exit, by, at }: Extract<ProcessChange, { type: 'ended' }>): ProcessRecord {
  const status = by === 'itself' ? 'exited' : by === 'stop' ? 'stopped' : 'killed'
  return {
    ...record,
    status,
    endedAt: at,
    exit: { code: exit.code ?? null, signal: exit.signal ?? null, survivors: exit.survivors },
    isTimedOut: by === 'timeout',
    // The caller of `kill` is told by its own call.
    notice: by === 'kill' ? 'none' : noticeOf(record),
  }
}

/** A caller that waits for the process sees the end itself. */
function noticeOf({ isBackground, notify }: ProcessRecord): 'none' | 'due' {
  return isBackground && notify ? 'due' : 'none'
}

/** Returns the prefix of the keys of all processes of a tenant. */
export function processKeys(tenant: TenantId): StoreKey {
  return [tenant, 'processes']
}

/** Returns the key of the document of a process. */
export function processKey(tenant: TenantId, id: string): StoreKey {
  return [tenant, 'processes', id]
}

const version = 1

/** Returns the document of a record. */
export function toDocument(record: ProcessRecord): JsonObject {
  return { version, ...(record as unknown as JsonObject) }
}

const statuses: readonly unknown[] = ['starting', 'running', 'exited', 'killed', 'stopped', 'lost'] satisfies ProcessStatus[]

/** Returns the record of a document; undefined for a document of another version or shape. */
export function fromDocument(value: JsonValue, id: string): ProcessRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { version: found, ...rest } = value as JsonObject
  const record = rest as unknown as ProcessRecord
  const isRecord =
    found === version &&
    record.id === id &&
    statuses.includes(record.status) &&
    typeof record.owner?.sessionKey === 'string' &&
    typeof record.startedAt === 'number' &&
    (record.endedAt === undefined) === !hasEnded(record) &&
    typeof record.tail === 'string' &&
    Number.isSafeInteger(record.outputBytes)
  return isRecord ? record : undefined
}
