/** The tool that looks after sub-agents. */
import { oneOf, text } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { JsonObject } from '../base/messages.ts'
import { firstCharacters } from '../base/well-formed.ts'
import { defineTool, type Tool } from '../tool/tool.ts'
import { describeSubAgent, usageText } from './sub-agent-notice.ts'
import type { SubAgent } from './sub-agent-types.ts'
import type { TenantSubAgents } from './tenant-sub-agents.ts'
import { fieldsSchema } from './tool-input.ts'

const actions = ['list', 'get', 'cancel'] as const

/** The input of `subagents`. */
export interface ManageInput {
  readonly action: (typeof actions)[number]
  readonly id?: string
}

/** Characters of a task in a list. */
const shownTask = 200

const input = fieldsSchema<ManageInput>({ action: oneOf(...actions), id: text(64) }, ['action'])

const inputSchema: JsonObject = {
  type: 'object',
  properties: {
    action: { type: 'string', enum: actions, description: 'list: your sub-agents. get: one with its answer. cancel: ends one.' },
    id: { type: 'string', description: 'Id of the sub-agent, for get and cancel.' },
  },
  required: ['action'],
  additionalProperties: false,
}

/** Returns the tool: it sees the sub-agents of the session that calls it, and no others. */
export function manageTool(listOf: (tenant: string) => TenantSubAgents): Tool<ManageInput, unknown> {
  return defineTool<ManageInput>({
    name: 'subagents',
    description: 'Looks after the sub-agents that this conversation has started: lists them, shows one, cancels one.',
    input,
    inputSchema,
    idempotent: true,
    execute: async ({ action, id }, { tenant, sessionKey }) => {
      const list = listOf(tenant)
      const own = list.list({ parent: sessionKey })
      if (action === 'list') return own.length === 0 ? 'There are no sub-agents.' : own.map(lineOf).join('\n')
      const found = own.find((one) => one.id === id)
      if (found === undefined) {
        const problem = `There is no sub-agent ${JSON.stringify(id ?? '')} in this conversation; use action "list"`
        throw new BeamClawError('unknown-sub-agent', problem, { details: { id: id ?? '' } })
      }
      // The caller hears of the end from this call.
      return detailOf(action === 'cancel' ? await list.cancel(found.id, { notify: false }) : found)
    },
  })
}

function lineOf(one: SubAgent): string {
  const label = one.label === undefined ? '' : ` ${JSON.stringify(one.label)}`
  return `${one.id}${label} (agent ${one.agentId}) ${describeSubAgent(one)}. Task: ${firstCharacters(one.task, shownTask)}`
}

function detailOf(one: SubAgent): string {
  const answer = one.answer === undefined ? '' : `\nAnswer:\n${one.answer}`
  return `${lineOf(one)}${answer}\n${usageText(one.usageByModel)}`
}
