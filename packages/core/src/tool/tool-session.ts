/** A conversation as a tool sees it: as much of a `SessionHandle` as is needed to have another agent do something. */
import type { RunEvent } from '../base/events.ts'
import type { RunId, SessionKey } from '../base/ids.ts'
import type { JsonValue, ModelUsage, UserMessage } from '../base/messages.ts'

/** Another session, as a tool may use it. */
export interface ToolSession {
  readonly key: SessionKey
  /** As `SessionHandle.send`; the run rejects `call-depth` when too many sessions wait for each other already. */
  send(content: UserMessage['content'], options?: ToolSendOptions): ToolRun
  /** As `SessionHandle.abort`. */
  abort(runId?: string): Promise<unknown>
}

/** Options of `ToolSession.send`. */
export interface ToolSendOptions {
  /** A repeat with the same key gets the same run. @default a new one */
  readonly idempotencyKey?: string
  /** JSON for the run's tools, hooks and system function. @default none */
  readonly context?: JsonValue
}

/** Iterate for the events of the run, or ask for its `result()`, or both; see `RunStream`. */
export interface ToolRun extends AsyncIterable<RunEvent> {
  readonly runId: RunId
  result(): Promise<{ readonly text: string; readonly usageByModel: readonly ModelUsage[] }>
}
