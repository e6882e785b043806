/** The methods `subagents.*`: agents that other agents have started in the background. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { nonEmpty, timestamp } from '../primitives.ts'

/** A sub-agent. */
const subAgentRow = z.strictObject({
  id: nonEmpty,
  agentId: nonEmpty,
  /** Its own session. */
  sessionKey: nonEmpty,
  /** The session that has started it. */
  parent: nonEmpty,
  label: z.string().optional(),
  task: z.string(),
  /** 1 for one of an ordinary session. */
  depth: z.int().min(1),
  status: z.enum(['starting', 'running', 'completed', 'failed', 'cancelled', 'timed-out', 'over-budget']),
  startedAtMs: timestamp,
  /** When it is ended by force. */
  deadlineAtMs: timestamp,
  endedAtMs: timestamp.optional(),
  /** The beginning of its answer. */
  answer: z.string().optional(),
  /** Code of the error that it failed with. */
  failure: z.string().optional(),
})

const listParams = z.strictObject({
  /** Whole key of the session that has started them. */
  parent: nonEmpty.max(1_024).optional(),
  running: z.boolean().optional(),
})

const idOnly = z.strictObject({ id: nonEmpty.max(128) })

/** Fragment of the methods `subagents.*`. */
export const subAgentMethods = defineMethods({
  'subagents.list': { scope: 'operator.read', params: listParams, result: z.strictObject({ subAgents: z.array(subAgentRow) }) },
  'subagents.get': { scope: 'operator.read', params: idOnly, result: subAgentRow },
  'subagents.cancel': { scope: 'operator.write', params: idOnly, result: subAgentRow },
})

/** A sub-agent. */
export type SubAgentRow = z.infer<typeof subAgentRow>
