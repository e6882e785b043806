/** `redrive`: sends the message of a given-up run once more. */
import type { RunId } from '../../base/ids.ts'
import type { SendReceipt } from '../session-replies.ts'
import type { CommandContext } from './command.ts'
import { redriven } from './message-intake.ts'
import { acceptKept, send } from './send.ts'

export interface Redrive {
  readonly type: 'redrive'
  readonly runId: RunId
  readonly newRunId: RunId
}

export function redrive(context: CommandContext, message: Redrive): Promise<SendReceipt> {
  const again = redriven(context.state, message, context.key)
  // Its attachments are the session's own, also one that cannot be read any more. A message of an earlier version has its images in it.
  const { content } = again.message
  const isKept = typeof content === 'string' || content.every((part) => part.type === 'text' || part.data === undefined)
  return isKept ? acceptKept(context, again) : send(context, again)
}
