/** Where a message of the transcript comes from. */
import type { AgentId, RunId } from '../../base/ids.ts'

/** The origin of a message of the transcript. */
export interface MessageOrigin {
  /** Number of the record that told the message. */
  readonly seq: number
  /** When the message was recorded, in milliseconds since 1970. */
  readonly at: number
  readonly runId: RunId
  /** The agent that receives the conversation with this message; absent for most. */
  readonly handOff?: AgentId
}
