/** What callers see of sub-agents. */

import type { AgentId, SessionKey } from '../base/ids.ts'
import type { JsonValue, ModelUsage } from '../base/messages.ts'
import type { RunFailure } from '../base/run-failure.ts'

/** Where a sub-agent stands. `cancelled`: by a caller, or with its parent. `over-budget`: it took more turns or tokens than it may. */
export type SubAgentStatus = 'starting' | 'running' | 'completed' | 'failed' | 'cancelled' | 'timed-out' | 'over-budget'

/** What becomes of the session of a sub-agent that has ended and was told. */
export type SubAgentCleanup = 'keep' | 'delete'

/** A sub-agent, as it is now. */
export interface SubAgent {
  readonly id: string
  readonly agentId: AgentId
  /** Its own session. */
  readonly sessionKey: SessionKey
  /** The session that has spawned it, and gets its result. */
  readonly parent: SessionKey
  readonly task: string
  readonly label: string | undefined
  /** 1 for a sub-agent of an ordinary session. */
  readonly depth: number
  readonly status: SubAgentStatus
  readonly cleanup: SubAgentCleanup
  /** Wall time in milliseconds. */
  readonly startedAt: number
  /** When it is ended by force. */
  readonly deadlineAt: number
  /** Undefined while it runs. */
  readonly endedAt: number | undefined
  /** The beginning of its answer; the whole is in its session. */
  readonly answer: string | undefined
  readonly failure: Pick<RunFailure, 'code' | 'message'> | undefined
  /** All tokens of its runs and of its own sub-agents; empty while it runs. */
  readonly usageByModel: readonly ModelUsage[]
}

/** What `SubAgentList.spawn` needs. */
export interface SpawnRequest {
  /** Key of the session that gets the result. */
  readonly parent: string
  /** What the sub-agent is to do. It sees nothing else of the parent's conversation. */
  readonly task: string
  /** @default the parent's own agent where the list of agents has it, else the first of that list */
  readonly agent?: string
  /** A name for people; at most 100 characters. */
  readonly label?: string
  /** Milliseconds from now; at most as many as the part and the parent have. @default as many */
  readonly timeoutMs?: number
  /** At most as many as the part allows. @default as many */
  readonly maxTurns?: number
  /** At most as many as the part allows. @default as many */
  readonly maxTokens?: number
  /** @default that of the part */
  readonly cleanup?: SubAgentCleanup
  /** The context of the sub-agent's message, and of the message to the parent. @default none */
  readonly context?: JsonValue
  /** A repeat with the same key gets the same sub-agent. @default a new one */
  readonly idempotencyKey?: string
}

/** Which sub-agents to list; all conditions must hold. */
export interface SubAgentFilter {
  /** Key of the session that has spawned them. */
  readonly parent?: string
  /** True for those that have not ended, false for the ended ones. */
  readonly isRunning?: boolean
}

/** The sub-agents of one tenant. Every method throws or rejects `unknown-sub-agent` for an id that it does not have, and `invalid-option`. */
export interface SubAgentList {
  /**
   * Starts an agent on a task in a session of its own. Resolves once that is durable; the run follows. Rejects `unknown-agent` for one that the parent's agent
   * may not spawn, `call-depth`, `too-many-sub-agents`, `unknown-session` for the parent, `idempotency-mismatch`, `draining`, and as the store does.
   */
  spawn(request: SpawnRequest): Promise<SubAgent>
  /** Returns the sub-agents, the latest first. Ended ones are kept for a day. */
  list(filter?: SubAgentFilter): readonly SubAgent[]
  get(id: string): SubAgent
  /**
   * Ends a sub-agent and all below it. Resolves once it has ended, with what it has become: one that ended before stays as it is. The parent is told, unless
   * `notify` is false. Rejects as the store does; the end goes on then.
   */
  cancel(id: string, options?: { readonly notify?: boolean }): Promise<SubAgent>
  /** Resolves with the sub-agent once it has ended. */
  whenEnded(id: string): Promise<SubAgent>
}
