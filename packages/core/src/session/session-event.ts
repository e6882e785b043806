/** An event of any session, with its origin. */
import type { RunEvent } from '../base/events.ts'
import type { AgentId, TenantId } from '../base/ids.ts'

/** The origin of an event. */
export interface EventOrigin {
  readonly tenant: TenantId
  /** The agent that answers in the session now. After a hand-off it is not the agent of the session's key. */
  readonly agentId: AgentId
}

type WithOrigin<TEvent> = TEvent extends RunEvent ? TEvent & EventOrigin : never

/** An event as `running.on` delivers it: one type, or any type for `'*'`. */
export type SessionEvent<TType extends RunEvent['type'] | '*' = '*'> = WithOrigin<
  TType extends '*' ? RunEvent : Extract<RunEvent, { readonly type: TType }>
>

/** All types of events; TypeScript checks that none is missing. */
const types: Readonly<Record<RunEvent['type'], true>> = {
  'message-accepted': true,
  'run-start': true,
  'run-resume': true,
  'run-pause': true,
  'run-steer': true,
  'run-cancel': true,
  'model-request': true,
  'model-failure': true,
  'text-delta': true,
  'thinking-delta': true,
  'model-warning': true,
  message: true,
  'tool-call': true,
  'tool-progress': true,
  'tool-result': true,
  'history-compact': true,
  'history-rewind': true,
  'history-import': true,
  'session-delete': true,
  record: true,
  'approval-request': true,
  'approval-decision': true,
  'run-end': true,
}

/** Every type of event, and `'*'` for all types. */
export const listenableTypes: readonly string[] = ['*', ...Object.keys(types)]
