/** Decides about a new sub-agent: whether there may be one, and what it may do. Pure. */
import { definedOnly } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import { unknownAgent } from '../agent/agent-list.ts'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, type RunId, type SessionKey, sessionKey, sessionKeyParts } from '../base/ids.ts'
import { childTools } from './child-tools.ts'
import type { SubAgentEntry } from './sub-agent-entry.ts'
import { type SubAgentSettings, spawnable } from './sub-agent-options.ts'
import type { SubAgentRecord } from './sub-agent-record.ts'
import type { SpawnRequest } from './sub-agent-types.ts'

/** The call of a tool that spawns, or a program. */
export interface SpawningCall {
  readonly agentId: AgentId
  /** Absent for a program. */
  readonly runId?: RunId
  /** Names of the tools that its run may call. */
  readonly tools: readonly string[]
}

interface Spawn {
  readonly id: string
  readonly request: SpawnRequest & { readonly parent: SessionKey }
  readonly call: SpawningCall
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly settings: SubAgentSettings
  /** Those there are. */
  readonly entries: readonly Pick<SubAgentEntry, 'record' | 'hasEnded'>[]
  readonly now: number
}

/** Returns the record of a new sub-agent. Throws `unknown-agent`, `call-depth` and `too-many-sub-agents`. */
export function planSubAgent(spawn: Spawn): SubAgentRecord {
  const { id, request, call, agents, settings, entries, now: startedAt } = spawn
  const { maxDepth, ownTools, timeoutMs, cleanup } = settings
  const above = entries.find(({ record }) => record.sessionKey === request.parent)
  const depth = depthOf(request.parent, above?.record) + 1
  if (depth > maxDepth) {
    const problem = `Sub-agents may be ${maxDepth} deep, and this would be number ${depth}. Do the task without another agent`
    throw new BeamClawError('call-depth', problem, { details: { sessionKey: request.parent, depth, maxDepth } })
  }
  const allowed = spawnable(settings, call.agentId, [...agents.keys()])
  const agent = (request.agent ?? allowed[0]) as AgentId | undefined
  const parent = agents.get(call.agentId)
  const child = agent === undefined || !allowed.includes(agent) ? undefined : agents.get(agent)
  if (agent === undefined || child === undefined || parent === undefined) throw unknownAgent(agent ?? '', allowed)
  checkCaps(spawn)
  const within = Math.min(request.timeoutMs ?? timeoutMs, timeoutMs)
  return {
    id,
    agentId: child.id,
    sessionKey: sessionKey(child.id, `sub:${id}`),
    parent: { sessionKey: request.parent, agentId: parent.id, ...definedOnly({ runId: call.runId, context: request.context }) },
    task: request.task,
    depth,
    tools: childTools({ parent, child, parentTools: call.tools, ownTools, maySpawn: depth < maxDepth }),
    ...definedOnly({
      label: request.label,
      maxTurns: least(request.maxTurns, settings.maxTurns),
      maxTokens: least(request.maxTokens, settings.maxTokens),
    }),
    cleanup: request.cleanup ?? cleanup,
    startedAt,
    deadlineAt: Math.min(startedAt + within, above?.hasEnded === false ? above.record.deadlineAt : Number.POSITIVE_INFINITY),
    status: 'starting',
    notice: 'none',
    notify: true,
    isClean: false,
  }
}

/** A session that the tool of an agent has made counts as one level, though it is not in the list. */
function depthOf(key: SessionKey, record: SubAgentRecord | undefined): number {
  return record?.depth ?? (sessionKeyParts(key).sessionId.startsWith('sub:') ? 1 : 0)
}

function checkCaps({ request: { parent }, settings: { maxAtOnce, maxPerTenant }, entries }: Spawn): void {
  const running = entries.filter(({ hasEnded }) => !hasEnded)
  const ofParent = running.filter(({ record }) => record.parent.sessionKey === parent).length
  if (ofParent < maxAtOnce && running.length < maxPerTenant) return
  const [count, owner] = ofParent >= maxAtOnce ? [ofParent, 'This session'] : [running.length, 'This tenant']
  throw new BeamClawError('too-many-sub-agents', `${owner} has ${count} sub-agents, which is its limit. Wait until one has ended.`, {
    details: { count, maxAtOnce, maxPerTenant, sessionKey: parent },
  })
}

function least(own: number | undefined, limit: number | undefined): number | undefined {
  return own === undefined ? limit : Math.min(own, limit ?? own)
}
