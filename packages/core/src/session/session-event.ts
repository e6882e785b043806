/** An event of any session, with where it comes from. */
import type { RunEvent } from '../base/events.ts'
import type { AgentId, TenantId } from '../base/ids.ts'

/** Where an event of a session comes from. */
export interface EventOrigin {
  readonly tenant: TenantId
  /** The agent that answers in the session now; after a hand-off not the one that the session's key names. */
  readonly agentId: AgentId
}

type WithOrigin<TEvent> = TEvent extends RunEvent ? TEvent & EventOrigin : never

/** An event as `running.on` tells it: one of a type, or any for `'*'`. */
export type SessionEvent<TType extends RunEvent['type'] | '*' = '*'> = WithOrigin<
  TType extends '*' ? RunEvent : Extract<RunEvent, { readonly type: TType }>
>

/** What kinds of events there are; the type keeps it complete. */
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
  message: true,
  'tool-call': true,
  'tool-progress': true,
  'tool-result': true,
  'history-compact': true,
  'history-rewind': true,
  'history-import': true,
  'session-delete': true,
  record: true,
  'run-end': true,
}

/** Every type of event, and `'*'` for all. */
export const listenableTypes: readonly string[] = ['*', ...Object.keys(types)]
