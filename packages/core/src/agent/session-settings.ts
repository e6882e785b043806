/** The settings of one session: what agents, lists and hosts see of them. */
import type { JsonObject } from '../base/messages.ts'
import type { ThinkingLevel } from '../ports/provider.ts'

/** What a message does to a session that is busy. */
export type QueueMode =
  /** Waits for its own run. */
  | 'queue'
  /** Joins the run under way before its next turn; tool calls that have not begun are skipped. */
  | 'steer'
  /** Waits, and shares one run with those that wait next to it in the same way. */
  | 'collect'
  /** Aborts the run under way and goes before all that wait. */
  | 'interrupt'
  /** Is refused with `session-busy`. */
  | 'reject'

/** Settings of one session. What is absent is as its agent says. */
export interface SessionSettings {
  /** A name for people. */
  readonly label?: string
  /** A heading of the conversation for people; at most 256 characters. */
  readonly title?: string
  /** To whom it belongs, for lists by owner; at most 256 characters. */
  readonly owner?: string
  /** The host's own metadata: a JSON object of at most 16 KiB. A new one takes the place of the whole. */
  readonly data?: JsonObject
  /** Where its messages come from, for example `discord:home`. */
  readonly channel?: string
  /** `<provider>/<model>`, instead of the agent's. */
  readonly model?: string
  readonly thinking?: ThinkingLevel
  /** How much of its work a client is to show. */
  readonly verbose?: 'off' | 'on' | 'full'
  readonly queueMode?: QueueMode
  /** Patterns of tool names, with `*` for any characters: of the agent's tools only these may be called in this session. */
  readonly allowedTools?: readonly string[]
  /** Patterns of names of tools that may not be called in this session. */
  readonly deniedTools?: readonly string[]
  /** Names of the skills the session began with. */
  readonly skills?: readonly string[]
}
