/** `agents.list`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { nonEmpty } from '../primitives.ts'

const agentsListParams = z.strictObject({})

const agentsListResult = z.strictObject({
  defaultId: nonEmpty,
  /** The session part of the key of an agent's main conversation. */
  mainKey: nonEmpty,
  scope: z.literal('per-sender'),
  agents: z.array(z.strictObject({ id: nonEmpty, name: nonEmpty.optional(), model: z.strictObject({ primary: nonEmpty }) })),
})

/** Fragment of the method `agents.list`. */
export const agentsMethods = defineMethods({
  'agents.list': { scope: 'operator.read', params: agentsListParams, result: agentsListResult },
})

/** Parameters of `agents.list`. */
export type AgentsListParams = z.infer<typeof agentsListParams>
/** Result of `agents.list`. */
export type AgentsListResult = z.infer<typeof agentsListResult>
