/** `agents.list`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { nonEmpty } from '../primitives.ts'

const agentsListParams = z.strictObject({})

const agentsListResult = z.strictObject({
  defaultId: nonEmpty,
  /** The session part of the key that an agent's main conversation has. */
  mainKey: nonEmpty,
  scope: z.literal('per-sender'),
  agents: z.array(z.strictObject({ id: nonEmpty, name: nonEmpty.optional(), model: z.strictObject({ primary: nonEmpty }) })),
})

export const agentsMethods = defineMethods({
  'agents.list': { scope: 'operator.read', params: agentsListParams, result: agentsListResult },
})

export type AgentsListParams = z.infer<typeof agentsListParams>
export type AgentsListResult = z.infer<typeof agentsListResult>
