/** The tool that starts sub-agents. */
import { definedOnly, duration, oneOf, text } from '@beamclaw/actor/internal'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { defineTool, type Tool } from '../tool/tool.ts'
import { spawnToolName } from './child-tools.ts'
import { maxLabel, maxTask } from './spawn-input.ts'
import type { SubAgentCleanup } from './sub-agent-types.ts'
import type { TenantSubAgents } from './tenant-sub-agents.ts'
import { fieldsSchema } from './tool-input.ts'

/** The input of `sessions_spawn`. */
export interface SpawnInput {
  readonly task: string
  readonly agent?: string
  readonly label?: string
  readonly timeoutMs?: number
  readonly cleanup?: SubAgentCleanup
}

const input = fieldsSchema<SpawnInput>(
  {
    task: (value) =>
      typeof value === 'string' && value.trim() !== '' && value.length <= maxTask ? undefined : `text of 1 to ${maxTask} characters`,
    agent: text(64),
    label: text(maxLabel),
    timeoutMs: duration(1),
    cleanup: oneOf('keep', 'delete'),
  },
  ['task'],
)

const inputSchema: JsonObject = {
  type: 'object',
  properties: {
    task: { type: 'string', description: 'What the sub-agent is to do. It sees nothing else of this conversation.' },
    agent: { type: 'string', description: 'Id of the agent. Leave it out for the usual one.' },
    label: { type: 'string', description: 'A short name for people.' },
    timeoutMs: { type: 'integer', minimum: 1, description: 'Milliseconds that it may take.' },
    cleanup: { type: 'string', enum: ['keep', 'delete'], description: 'delete: its conversation is removed at the end.' },
  },
  required: ['task'],
  additionalProperties: false,
}

const description =
  'Starts another agent on a task, in the background, and returns at once. Its result comes as a message when it has ended: do not wait or ask for it.'

/** Returns the tool. A repeat of a call finds the sub-agent of the first try. */
export function spawnTool(listOf: (tenant: string) => TenantSubAgents): Tool<SpawnInput, unknown> {
  return defineTool<SpawnInput>({
    name: spawnToolName,
    description,
    input,
    inputSchema,
    idempotent: true,
    execute: async (given, call) => {
      const { sessionKey, agentId, runId, toolNames, idempotencyKey, tenant } = call
      const context = call.context as JsonValue | undefined
      const request = { ...given, parent: sessionKey, idempotencyKey, ...definedOnly({ context }) }
      const { id, sessionKey: own, agentId: agent, status } = await listOf(tenant).spawnFor(request, { agentId, runId, tools: toolNames })
      return { id, agent, sessionKey: own, status, note: 'It runs in the background. You get its result as a message.' }
    },
  })
}
