/** Where the fold of a journal puts the messages of a conversation. */
import type { Message } from '../../base/messages.ts'
import type { StoredContext } from './context.ts'
import type { MessageOrigin } from './message-origin.ts'

export interface MessageSink {
  /** Adds a message. `source` is the number of an earlier record without which the message cannot be told: that of the accepted message. */
  add(message: Message, origin: MessageOrigin, source?: number): void
  /** Removes all but the oldest `kept` messages. `context` is what is left for the model, where it is not in memory. */
  rewind(kept: number, context: StoredContext | undefined): void
  /** The record `seq` replaces the oldest `dropped` messages of the context with a summary; an earlier summary counts as one of them. */
  summarise(dropped: number, summary: string, seq: number): void
}
