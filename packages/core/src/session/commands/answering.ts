/** `answering`: returns the agent that answers the next message. */
import type { AgentId } from '../../base/ids.ts'
import type { CommandContext } from './command.ts'

export interface ReadAnswering {
  readonly type: 'answering'
}

export async function answering({ agent }: CommandContext): Promise<AgentId> {
  return agent().id
}
