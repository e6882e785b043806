/** `redrive`: sends the message of a given-up run once more. */
import type { RunId } from '../../base/ids.ts'
import type { SendReceipt } from '../session-replies.ts'
import type { CommandContext } from './command.ts'
import { redriven } from './message-intake.ts'
import { send } from './send.ts'

export interface Redrive {
  readonly type: 'redrive'
  readonly runId: RunId
  readonly newRunId: RunId
}

export function redrive(context: CommandContext, message: Redrive): Promise<SendReceipt> {
  return send(context, redriven(context.state, message, context.key))
}
