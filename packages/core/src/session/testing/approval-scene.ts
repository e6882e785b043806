/** A tool that waits for approval, and a model that calls it. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import type { AgentOptions } from '../../agent/agent.ts'
import type { ApprovalRequest } from '../../base/approval.ts'
import { type ToolResult, textOf } from '../../base/messages.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import { FunctionModel, type Stage, stage } from '../../testing/model.ts'
import { defineTool, type ToolOptions } from '../../tool/tool.ts'

/** A model that calls `deploy` once for each target when it is told to go, and says at the end what it read. */
export function caller(...targets: readonly string[]): FunctionModel {
  return new FunctionModel(({ messages }) => {
    const last = messages.at(-1)
    if (last?.role === 'user' && textOf(last) === 'go') return { calls: targets.map((to) => ({ id: to, name: 'deploy', input: { to } })) }
    return { text: last?.role === 'tool' ? last.content.map((result) => shown(result)).join(' | ') : 'nothing' }
  })
}

const shown = ({ content }: ToolResult): string => (typeof content === 'string' ? content : textOf({ role: 'user', content }))

export interface Scene extends Stage {
  readonly ran: string[]
  requests(): Promise<readonly ApprovalRequest[]>
}

/** Returns a stage with a tool `deploy` of high risk. */
export async function scene(
  model: FunctionModel,
  tool: Partial<ToolOptions<{ to: string }>> = {},
  agent: Partial<AgentOptions> = {},
  options: Partial<BeamClawOptions> = {},
): Promise<Scene> {
  const ran: string[] = []
  const deploy = defineTool<{ to: string }>({
    name: 'deploy',
    description: 'Deploys',
    inputSchema: { type: 'object' },
    risk: 'high',
    execute: ({ to }) => {
      ran.push(to)
      return `deployed ${to}`
    },
    ...tool,
  })
  const set = await stage(model, { tools: [deploy], ...agent }, options)
  const requests = async (): Promise<readonly ApprovalRequest[]> => {
    for (let turn = 0; turn < 50; turn++) {
      const found = await set.claw.approvals.list()
      if (found.length > 0) return found
      await flushEventLoop()
    }
    return []
  }
  return Object.create(set, { ran: { value: ran }, requests: { value: requests } }) as Scene
}

/** Resolves with the first request that waits. */
export const first = async (set: Scene): Promise<ApprovalRequest> => (await set.requests())[0] ?? missing()

function missing(): never {
  throw new Error('no request waits')
}
