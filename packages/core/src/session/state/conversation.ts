/** A conversation: its context, and where its transcript is. */
import { BeamClawError } from '../../base/errors.ts'
import type { Message } from '../../base/messages.ts'
import { Context, type StoredContext } from './context.ts'
import type { MessageOrigin } from './message-origin.ts'
import type { MessageSink } from './message-sink.ts'
import { TranscriptIndex } from './transcript-index.ts'

export class Conversation implements MessageSink {
  context: Context
  readonly transcript: TranscriptIndex

  constructor(context = new Context(), transcript = new TranscriptIndex()) {
    this.context = context
    this.transcript = transcript
  }

  add(message: Message, origin: MessageOrigin, source?: number): void {
    this.transcript.add(message.role, origin.seq, source, origin.handOff)
    this.context.add(message, origin)
  }

  rewind(kept: number, context: StoredContext | undefined): void {
    if (context === undefined && !this.context.canKeep(kept))
      throw new BeamClawError('log-corrupt', `A rewind to message ${kept} goes behind the context, and does not say what is left of it`)
    this.transcript.cut(kept)
    this.context = context === undefined ? this.context.keepOldest(kept) : new Context(context)
    if (this.context.end === this.transcript.total) return
    throw new BeamClawError('log-corrupt', `A rewind to message ${kept} has a context that ends with message ${this.context.end}`)
  }

  summarise(dropped: number, summary: string, seq: number): void {
    this.context = this.context.summarised(dropped, summary)
    this.transcript.summarised(this.context.from, seq)
  }
}
