/** A BeamClaw with sub-agents: `main` and `researcher`, and a model that the test scripts by agent. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { type AgentOptions, defineAgent } from '../../agent/agent.ts'
import type { BeamClawOptions } from '../../beamclaw-options.ts'
import type { ProviderRequest } from '../../ports/provider.ts'
import { FunctionModel, type ModelTurn, type Stage, stage } from '../../testing/model.ts'
import type { SubAgentsOptions } from '../sub-agent-options.ts'
import type { SubAgentList } from '../sub-agent-types.ts'
import { SubAgents } from '../sub-agents.ts'

export const key = 'agent:main:a'

/** Returns the text of the last message of a request that a user, or a part, has sent. */
export function lastAsked({ messages }: ProviderRequest): string {
  const last = messages.findLast(({ role }) => role === 'user')
  return typeof last?.content === 'string' ? last.content : ''
}

export interface SpawnStage extends Stage {
  readonly subAgents: SubAgentList
  /** Texts of the messages that a session got from its sub-agents; waits until there are at least so many. */
  notices(least?: number, sessionKey?: string): Promise<readonly string[]>
  /** Lets things happen until this holds. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>
  /** Lets all that needs no time happen. */
  flush(): Promise<void>
}

export interface SpawnStageOptions {
  readonly subAgents?: Partial<SubAgentsOptions>
  readonly main?: Partial<AgentOptions>
  readonly researcher?: Partial<AgentOptions>
  readonly rest?: Partial<BeamClawOptions>
}

type Answer = (request: ProviderRequest, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>

export async function spawnStage(answer: Answer, options: SpawnStageOptions = {}): Promise<SpawnStage> {
  const part = new SubAgents({ agents: { main: ['researcher'], researcher: ['researcher'] }, ...options.subAgents })
  const own = [part.spawnTool(), part.manageTool()]
  const agents = [
    defineAgent({ id: 'main', model: 'test/model', ...options.main, tools: [...own, ...(options.main?.tools ?? [])] }),
    defineAgent({ id: 'researcher', model: 'test/model', ...options.researcher, tools: [...own, ...(options.researcher?.tools ?? [])] }),
  ]
  const model = new FunctionModel((request, _, signal) => answer(request, signal))
  const base = await stage(model, {}, { agents, parts: [part], ...options.rest })
  const added = {
    get subAgents() {
      return part.of()
    },
    async notices(least = 0, sessionKey = key) {
      await added.flush()
      let found: readonly string[] = []
      await added.until(async () => {
        found = await noticesIn(base.claw, sessionKey)
        return found.length >= least
      })
      return found
    },
    async until(holds: () => boolean | Promise<boolean>) {
      for (let round = 0; !(await holds()); round++) {
        if (round === 1_000) throw new Error('It does not come to hold')
        await flushEventLoop()
      }
    },
    async flush() {
      for (let round = 0; round < 5; round++) await flushEventLoop()
    },
  }
  return Object.defineProperties(added, Object.getOwnPropertyDescriptors(base)) as unknown as SpawnStage
}

async function noticesIn(claw: Stage['claw'], sessionKey: string): Promise<readonly string[]> {
  if (!(await claw.session(sessionKey).exists())) return []
  const { messages } = await claw.session(sessionKey).history()
  return messages.flatMap(({ message: { role, content } }) =>
    role === 'user' && typeof content === 'string' && content.startsWith('The sub-agent') ? [content] : [],
  )
}
